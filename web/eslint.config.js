import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

/** A time that is written elsewhere is in another zone, or without one. */
const TIMES = [
  "MemberExpression[object.name='Intl'][property.name='DateTimeFormat']",
  "MemberExpression[property.name=/^to(ISO|UTC|Locale|LocaleDate|LocaleTime|Date|Time)String$/]",
  "NewExpression[callee.name='Date']",
].map((selector) => ({ selector, message: "times are written by base/zone.ts alone" }));

/** Microseconds stay microseconds up to the format that writes them. */
const UNITS = ["left.name=/^us$|Us$/", "left.property.name=/Us$/"].map((left) => ({
  selector: `BinaryExpression[operator='/'][right.value=1000][${left}]`,
  message: "µs become ms by msOf of base/duration.ts alone",
}));

/** Layers point one way: base <- store <- ui <- panels <- app. */
const layer = (files, forbidden, message) => ({
  files,
  rules: {
    "no-restricted-imports": [
      "error",
      { patterns: forbidden.map((regex) => ({ regex, message })) },
    ],
  },
});

const SOURCES = ["**/*.ts", "**/*.svelte"];

/** Svelte takes an element away by setting null, whatever its variable began with. */
const GONE = {
  selector:
    "CallExpression[callee.name='$state'][arguments.length=0] TSTypeReference[typeName.name=/^HTML/]",
  message: "An element that is bound is null once it is gone: $state<HTMLElement | null>(null).",
};

export default defineConfig(
  globalIgnores(["dist/", "src/generated/"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: SOURCES,
    extends: [ts.configs.strictTypeChecked, ts.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: {
          allowDefaultProject: ["vite.config.ts", "build/*.ts"],
          defaultProject: "tsconfig.node.json",
        },
        extraFileExtensions: [".svelte"],
      },
    },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/strict-boolean-expressions": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "no-console": "error",
    },
  },
  svelte.configs.recommended,
  {
    files: ["src/**"],
    ignores: ["src/base/zone.ts", "src/base/zone_read.ts", "src/base/zone_read.test.ts"],
    rules: { "no-restricted-syntax": ["error", ...TIMES, ...UNITS, GONE] },
  },
  {
    rules: {
      eqeqeq: "error",
      "max-lines": ["error", { max: 400 }],
      "max-len": ["error", { code: 110, ignoreUrls: true }],
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { parser: ts.parser, svelteConfig },
    },
  },
  { files: ["*.config.*", "build/**/*.ts"], languageOptions: { globals: globals.node } },
  { files: ["public/*.js"], languageOptions: { globals: globals.browser, sourceType: "script" } },
  {
    files: ["e2e/**/*.mjs"],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
  layer(
    ["src/base/**"],
    ["^svelte", "/store/", "/ui/", "/panels/", "/panels\\.js", "/app/", "/worker/"],
    "base is plain functions: nothing above it, and no framework",
  ),
  layer(
    ["src/store/**"],
    ["/ui/", "/panels/", "/panels\\.js", "/app/", "/worker/"],
    "the store reads neither panels nor views nor the worker's code",
  ),
  layer(
    ["src/ui/**"],
    ["/panels/", "/panels\\.js", "/app/", "/worker/"],
    "what panels share does not know them",
  ),
  layer(
    ["src/panels/*/**"],
    ["^\\.\\./(?!\\.\\./)", "/panels/", "/panels\\.js", "/app/", "/worker/"],
    "a panel imports no other panel, and neither the registry nor the app",
  ),
  layer(["src/app/**"], ["/panels/", "/worker/"], "the app knows panels from the registry only"),
  layer(
    ["src/worker/**"],
    ["/base/", "/store/", "/ui/", "/panels", "/app/"],
    "the worker only starts the module",
  ),
);
