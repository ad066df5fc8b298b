//! `deploy/kubernetes`: valid by the schemas of Kubernetes, whole as kustomize reads it, and in agreement with the
//! relay and with what docs/deploy.md says. No test applies it to a cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use clap::{Args as _, Parser as _};
use dashstream_relay::config::{Cli, Config, Options};
use serde_json::Value;

const FOLDERS: [&str; 4] = ["base", "checkpoints", "ingress", "network"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/kubernetes")
}

/// What the schemas say of these folders; `None` after saying SKIPPED.
fn validate(folders: &[PathBuf]) -> Option<Output> {
    let named = env::var_os("DASHSTREAM_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| PathBuf::from("python3"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes.py");
    let has_schemas = Command::new(&python)
        .args(["-c", "import kubernetes_validate"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_schemas {
        let reason = "no Python with kubernetes-validate (DASHSTREAM_PYTHON)";
        let is_required = env::var("DASHSTREAM_REQUIRE").as_deref() == Ok("all");
        assert!(!is_required, "{reason}");
        let line = format!("SKIPPED kubernetes: {reason}\n");
        // Past the harness, which keeps what a passing test prints.
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).expect("stderr");
        return None;
    }
    let output = Command::new(&python).arg(script).args(folders).output();
    Some(output.expect("Python starts"))
}

/// All documents by folder and file.
fn manifests() -> Option<BTreeMap<String, Vec<Value>>> {
    let output = validate(&FOLDERS.map(|name| folder().join(name)))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let found: BTreeMap<String, Vec<Value>> = serde_json::from_slice(&output.stdout).expect("JSON");
    let name = |file: String| {
        let parts: Vec<&str> = file.rsplit('/').take(2).collect();
        format!("{}/{}", parts[1], parts[0])
    };
    Some(
        found
            .into_iter()
            .map(|(file, all)| (name(file), all))
            .collect(),
    )
}

fn only<'a>(all: &'a BTreeMap<String, Vec<Value>>, file: &str) -> &'a Value {
    match all.get(file).map(Vec::as_slice) {
        Some([document]) => document,
        other => panic!("{file}: {other:?}"),
    }
}

/// OPS-11: every manifest meets its schema, and one with a mistyped field does not.
#[test]
fn manifests_meet_the_schemas() {
    let Some(all) = manifests() else { return };
    assert!(all.len() >= 10, "{:?}", all.keys());
    let broken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubernetes-broken");
    fs::create_dir_all(&broken).expect("a folder");
    let text = fs::read_to_string(folder().join("base/deployment.yaml")).expect("a manifest");
    assert!(text.contains("readinessProbe:"));
    let text = text.replace("readinessProbe:", "readynessProbe:");
    fs::write(broken.join("deployment.yaml"), text).expect("a file");
    let output = validate(&[broken]).expect("it was there before");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && errors.contains("readynessProbe"),
        "{errors}"
    );
}

/// OPS-11: each kustomization lists the files beside it and no others.
#[test]
fn kustomizations_are_whole() {
    let Some(all) = manifests() else { return };
    for name in FOLDERS {
        let kustomization = only(&all, &format!("{name}/kustomization.yaml"));
        let listed = kustomization["resources"].as_array().expect("resources");
        let listed: BTreeSet<&str> = listed.iter().filter_map(Value::as_str).collect();
        for one in &listed {
            assert!(folder().join(name).join(one).exists(), "{name}: {one}");
        }
        let beside = all
            .keys()
            .filter_map(|file| file.strip_prefix(&format!("{name}/")));
        let beside: BTreeSet<&str> = beside
            .filter(|file| *file != "kustomization.yaml")
            .collect();
        let own: BTreeSet<&str> = listed
            .into_iter()
            .filter(|one| !one.contains('/'))
            .collect();
        assert_eq!(own, beside, "{name}");
    }
}

/// The two that run relays.
fn relays(all: &BTreeMap<String, Vec<Value>>) -> [&Value; 2] {
    ["base/deployment.yaml", "checkpoints/statefulset.yaml"].map(|file| only(all, file))
}

fn container(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]["containers"][0]
}

/// OPS-05: only variables that the relay reads, with values it takes.
#[test]
fn settings_are_the_relays() {
    let Some(all) = manifests() else { return };
    let command = Options::augment_args(clap::Command::new(""));
    let flags: BTreeMap<&str, &str> = command
        .get_arguments()
        .filter_map(|argument| Some((argument.get_env()?.to_str()?, argument.get_long()?)))
        .collect();
    let settings = only(&all, "base/settings.yaml")["data"]
        .as_object()
        .expect("data");
    let mut arguments = vec!["dashstream-relay".to_owned()];
    for (name, value) in settings {
        let flag = flags
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} is unknown"));
        arguments.push(format!("--{flag}={}", value.as_str().expect("text")));
    }
    let options = Cli::try_parse_from(arguments).expect("flags").options;
    let config = Config::from_args(&options).expect("usable values");
    for workload in relays(&all) {
        let variables = container(workload)["env"].as_array();
        for variable in variables.into_iter().flatten() {
            let name = variable["name"].as_str().expect("a name");
            assert!(flags.contains_key(name), "{name} is unknown");
        }
        // The memory rule of docs/deploy.md.
        let resources = &container(workload)["resources"];
        let limit = mebibytes(&resources["limits"]["memory"]);
        assert_eq!(limit, mebibytes(&resources["requests"]["memory"]));
        let needed = config.serve.log_bytes_max as u64 + 200_000_000;
        assert!(limit >= needed + needed / 5, "{limit} of {needed}");
        // The pause, then three drain times: of clients, of dead letters, of checkpoints.
        let pod = &workload["spec"]["template"]["spec"];
        let grace = pod["terminationGracePeriodSeconds"]
            .as_u64()
            .expect("seconds");
        let pause = &container(workload)["lifecycle"]["preStop"]["exec"]["command"];
        assert_eq!(pause[0], "sleep");
        let pause: u64 = pause[1]
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("seconds");
        assert!(
            grace >= pause + 3 * config.listen.drain.as_secs(),
            "{grace}"
        );
        // Balancers have noticed well before the port closes.
        let ready = &container(workload)["readinessProbe"];
        let period = ready["periodSeconds"].as_u64().expect("seconds");
        assert!(period * 2 < config.listen.drain.as_secs(), "{period}");
    }
}

fn mebibytes(quantity: &Value) -> u64 {
    let text = quantity.as_str().and_then(|text| text.strip_suffix("Mi"));
    text.and_then(|text| text.parse::<u64>().ok()).expect("Mi") << 20
}

/// OPS-08: one question for life and one for readiness, at the port that the image listens on and that everything
/// else names.
#[test]
fn probes_ports_and_names_agree() {
    let Some(all) = manifests() else { return };
    let dockerfile = fs::read_to_string(folder().join("../Dockerfile")).expect("a Dockerfile");
    let [deployment, set] = relays(&all);
    for workload in [deployment, set] {
        let container = container(workload);
        let port = container["ports"][0]["containerPort"]
            .as_u64()
            .expect("a port");
        assert!(dockerfile.contains(&format!("WEBSOCKET_PORT={port}")));
        assert_eq!(container["ports"][0]["name"], "http");
        for (probe, path) in [
            ("startupProbe", "/version"),
            ("livenessProbe", "/version"),
            ("readinessProbe", "/ready"),
        ] {
            assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
            assert_eq!(container[probe]["httpGet"]["port"], "http", "{probe}");
        }
        let rules = &only(&all, "network/policy.yaml")["spec"]["ingress"][0];
        assert_eq!(rules["ports"][0]["port"], port);
        let labels = &workload["spec"]["template"]["metadata"]["labels"];
        assert_eq!(&workload["spec"]["selector"]["matchLabels"], labels);
        for file in ["base/service.yaml", "checkpoints/pods.yaml"] {
            let service = only(&all, file);
            assert_eq!(&service["spec"]["selector"], labels, "{file}");
            assert_eq!(service["spec"]["ports"][0]["targetPort"], "http", "{file}");
        }
        let user = &workload["spec"]["template"]["spec"]["securityContext"]["runAsUser"];
        assert!(dockerfile.contains(&format!("USER {user}:{user}\n")));
    }
    assert_eq!(deployment["metadata"]["name"], set["metadata"]["name"]);
    let serves = &only(&all, "checkpoints/pods.yaml")["metadata"]["name"];
    assert_eq!(&set["spec"]["serviceName"], serves);
}

/// OPS-11: people reach the relay by the name that it knows, at the port that it has; and what docs/deploy.md says to
/// apply is there.
#[test]
fn the_ingress_leads_to_the_relay() {
    let Some(all) = manifests() else { return };
    let ingress = &only(&all, "ingress/ingress.yaml")["spec"];
    let host = ingress["rules"][0]["host"].as_str().expect("a host");
    assert_eq!(ingress["tls"][0]["hosts"][0], host);
    let settings = &only(&all, "base/settings.yaml")["data"];
    let known = settings["WEBSOCKET_ALLOWED_HOSTS"].as_str().expect("names");
    assert!(known.split(',').any(|name| name == host), "{known}");
    let backend = &ingress["rules"][0]["http"]["paths"][0]["backend"]["service"];
    let service = only(&all, "base/service.yaml");
    assert_eq!(backend["name"], service["metadata"]["name"]);
    assert_eq!(backend["port"]["name"], service["spec"]["ports"][0]["name"]);

    let document = include_str!("../../docs/deploy.md");
    let (_, own) = document.split_once("# kustomization.yaml\n").expect("one");
    let own = own.split("```").next().unwrap_or_default();
    let listed = own
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "));
    let listed: Vec<_> = listed.filter(|path| path.contains('/')).collect();
    assert!(listed.len() >= 3, "{own}");
    for path in listed {
        let file = folder().join("../..").join(path).join("kustomization.yaml");
        assert!(file.is_file(), "{path}");
    }
    let namespace = own
        .lines()
        .find_map(|line| line.strip_prefix("namespace: "));
    let namespace = namespace.expect("a namespace");
    assert!(document.contains(&format!("kubectl create namespace {namespace}\n")));
}

/// RES-17, DLQ-03: with checkpoints each relay has its own volume, where the relay looks for it and may write. What
/// runs is otherwise the same.
#[test]
fn checkpoints_are_the_only_difference() {
    let Some(all) = manifests() else { return };
    let [deployment, set] = relays(&all);
    let (plain, mut kept) = (container(deployment), container(set).clone());
    let dir = kept["env"].take();
    assert_eq!(dir[0]["name"], "DASHSTREAM_CHECKPOINT_DIR");
    let mount = kept["volumeMounts"].take();
    assert_eq!(mount[0]["mountPath"], dir[0]["value"]);
    for own in ["env", "volumeMounts"] {
        kept.as_object_mut().expect("a container").remove(own);
    }
    assert_eq!(plain, &kept);
    let claim = &set["spec"]["volumeClaimTemplates"][0];
    assert_eq!(claim["metadata"]["name"], mount[0]["name"]);
    let pods = [deployment, set].map(|workload| {
        let mut pod = workload["spec"]["template"]["spec"].clone();
        pod["containers"].take();
        pod
    });
    assert_eq!(pods[0], pods[1]);
    let patches = &only(&all, "checkpoints/kustomization.yaml")["patches"][0]["patch"];
    let patch = patches.as_str().expect("a patch");
    assert!(
        patch.contains("$patch: delete") && patch.contains("kind: Deployment"),
        "{patch}"
    );
}
