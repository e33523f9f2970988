# SPDX-License-Identifier: Apache-2.0
"""A small repository whose app writes an assembly without the CDK, and the review of it."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

from template_review.__main__ import main

APP = """
    import json, os, pathlib, sys
    name = os.environ["APP_ENVIRONMENT"]
    assert not any(key.startswith("AWS_") for key in os.environ)
    out = pathlib.Path(os.environ["CDK_OUTDIR"])
    out.mkdir(parents=True)
    template = json.loads(pathlib.Path("template.json").read_text())
    (out / "Data.template.json").write_text(json.dumps(template))
    (out / "manifest.json").write_text(json.dumps({"artifacts": {"Data": {
        "type": "aws:cloudformation:stack",
        "environment": "aws://111111111111/us-east-1",
        "properties": {"templateFile": "Data.template.json", "stackName": f"{name}-data"},
    }}}))
"""
BUCKET = {
    "Type": "AWS::S3::Bucket",
    "DeletionPolicy": "Retain",
    "Properties": {"VersioningConfiguration": {"Status": "Enabled"}},
}


NODE_MODULES = next(
    (each / "node_modules" for each in Path(__file__).parents if (each / "node_modules").exists()),
    Path.cwd() / "node_modules",
)
"""Where the CDK's differ is installed: in a folder above this one."""
CONFIGURATION = """
    [tool.template-review]
    environments = "environments/*.toml"
    environment-variable = "APP_ENVIRONMENT"
    prefix-key = "prefix"
    cache = ".build/review"
    locks = ["requirements/runtime.txt"]
"""


class Repository:
    """A git repository with an app, and the review of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        return subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def write(self, **files: str | dict[str, object]) -> None:
        for name, content in files.items():
            path = self.folder / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content)
            path.write_text(textwrap.dedent(text), encoding="utf-8")

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change")
        return self.git("rev-parse", "HEAD").strip()

    def review(self, base: str, *more: str) -> int:
        output = self.folder.parent / "review.md"
        return main([f"--base={base}", f"--output={output}", *more], root=self.folder)

    @property
    def written(self) -> str:
        return (self.folder.parent / "review.md").read_text(encoding="utf-8")


def make(folder: Path) -> Repository:
    """A repository whose app has one environment with one bucket, committed."""
    found = Repository(folder)
    found.write(
        app_DOT_py=APP,
        cdk_DOT_json={"app": f"{sys.executable} app.py"},
        pyproject_DOT_toml=CONFIGURATION,
        environments__dev_DOT_toml='prefix = "dev"\n',
        template_DOT_json={"Resources": {"Photos": BUCKET}},
        _DOT_gitignore=".build/\n",
    )
    found.commit()
    return found
