"""Puts the commit and the workflow into what is built, so that an installed tcwae has them. The rest is in pyproject.toml."""

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

sys.path.insert(0, str(Path(__file__).parent))
from tcwae import workflow
from tcwae.provenance import commit


class BuildWhole(build_py):
    """For wheels."""

    def run(self) -> None:
        """Copy the package, and put the commit and the workflow into the copy."""
        super().run()
        if not self.editable_mode:
            package = Path(self.build_lib) / "tcwae"
            (package / "COMMIT").write_text(commit() + "\n", encoding="utf-8")
            shutil.rmtree(package / "new_study", ignore_errors=True)
            workflow.copy(package / "new_study")


class SourcesWithCommit(sdist):
    """For archives of the sources, from which wheels may be built without a repository."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the sources, and write the commit into the copy."""
        super().make_release_tree(base_dir, files)
        (Path(base_dir) / "tcwae" / "COMMIT").write_text(commit() + "\n", encoding="utf-8")


setup(
    cmdclass={"build_py": BuildWhole, "sdist": SourcesWithCommit},
    # An editable install is a path. The default, an import hook, loses to any folder named tcwae in the working directory, such
    # as the clone seen from its parent: Python takes that for a namespace package.
    options={"editable_wheel": {"mode": "compat"}},
)
