//! What a `Cargo.toml` says about a crate: its name, and the crates of this project it needs outside tests.

use super::Tree;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Folder of the crate, empty for the root of the project.
    pub(super) folder: String,
    pub(super) package: String,
    pub(super) needs: Vec<String>,
}

impl Manifest {
    /// The crate's name in paths.
    pub(super) fn library(&self) -> String {
        self.package.replace('-', "_")
    }

    pub(super) fn source(&self) -> String {
        format!("{}/src", self.folder)
    }

    /// The files from which Cargo compiles a library or a program.
    pub(super) fn roots<'a>(&self, tree: &'a Tree) -> Vec<&'a String> {
        let source = self.source();
        let is_root = |file: &str| {
            let Some(name) = file.strip_prefix(&format!("{source}/")) else {
                return false;
            };
            let parts: Vec<_> = name.split('/').collect();
            matches!(parts[..], ["lib.rs" | "main.rs"] | ["bin", _, "main.rs"])
                || matches!(parts[..], ["bin", program] if program.ends_with(".rs"))
        };
        tree.keys().filter(|file| is_root(file)).collect()
    }
}

/// Every crate, those outside the workspace too.
pub(super) fn read(tree: &Tree) -> Vec<Manifest> {
    let files = tree.iter().filter_map(|(file, text)| {
        let folder = file.strip_suffix("/Cargo.toml")?;
        Some((folder, text))
    });
    files
        .filter_map(|(folder, text)| parse(folder, text))
        .collect()
}

fn parse(folder: &str, text: &str) -> Option<Manifest> {
    let mut package = None;
    let mut needs = Vec::new();
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            // `[target.'cfg(..)'.dependencies]` are dependencies too.
            let own = ["dependencies", "build-dependencies"].iter();
            let of_target = name.strip_prefix("target.").and_then(|target| {
                let at = own
                    .filter_map(|own| target.find(&format!(".{own}")))
                    .min()?;
                target.get(at + 1..)
            });
            section = of_target.unwrap_or(name);
            needs.extend(section.strip_prefix("dependencies.").map(str::to_owned));
            continue;
        }
        let Some((key, value)) = line
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
        else {
            continue;
        };
        match section {
            "package" if key == "name" => package = Some(value.trim_matches('"').to_owned()),
            "dependencies" | "build-dependencies" if !line.starts_with('#') => {
                // `name = {..}` and `name.workspace = true`.
                needs.extend(key.split('.').next().map(str::to_owned));
            }
            _ => {}
        }
    }
    Some(Manifest {
        folder: folder.to_owned(),
        package: package?,
        needs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crate_needs_is_read() {
        let text = "[package]\nname = \"my-crate\"\n[dependencies]\na.workspace = true\n# b = 1\n\
                    c = { path = \"../c\" }\n[dependencies.d]\nversion = \"1\"\n[dev-dependencies]\ne = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\nf = \"1\"\n[target.x.dependencies.g]\nversion = \"1\"\n\
                    [target.x.dev-dependencies]\nh = \"1\"\n";
        let manifest = parse("x", text).unwrap();
        assert_eq!(manifest.library(), "my_crate");
        assert_eq!(manifest.needs, ["a", "c", "d", "f", "g"]);
    }
}
