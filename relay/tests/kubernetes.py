"""Checks the manifests in the folders given against the JSON schemas of Kubernetes, strictly, and prints all of them as
one JSON object by file. A schema that is not met ends it with exit code 1 and the reason."""

import json
import pathlib
import sys

import kubernetes_validate
import yaml

found = {}
for folder in sys.argv[1:]:
    for file in sorted(pathlib.Path(folder).glob("*.yaml")):
        documents = list(yaml.safe_load_all(file.read_text()))
        found[str(file)] = documents
        for document in documents:
            # Kustomize's own files are no resources of a cluster.
            if "kustomize" in document["apiVersion"]:
                continue
            try:
                kubernetes_validate.validate(document, "1.37", strict=True)
            except kubernetes_validate.ValidationError as error:
                sys.exit(f"{file}: {error.message}")
json.dump(found, sys.stdout)
