// Sets the stored theme before the first paint; a module would run too late and flash.
(() => {
  const root = document.documentElement;
  let theme = null;
  try {
    theme = localStorage.getItem(root.dataset["themeKey"] ?? "");
  } catch {
    // Storage can be forbidden; the system's preference then decides.
  }
  if (theme === "light" || theme === "dark") root.dataset["theme"] = theme;
})();
