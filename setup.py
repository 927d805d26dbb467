"""The commit goes into what is built, so that an installed tcwae knows it; all else stands in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

sys.path.insert(0, str(Path(__file__).parent))
from tcwae.provenance import commit


class BuildWithCommit(build_py):
    """For wheels."""

    def run(self) -> None:
        """Copy the package, and write the commit into the copy."""
        super().run()
        if not self.editable_mode:
            (Path(self.build_lib) / "tcwae" / "COMMIT").write_text(commit() + "\n")


class SourcesWithCommit(sdist):
    """For archives of the sources, from which wheels may be built without a repository."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the sources, and write the commit into the copy."""
        super().make_release_tree(base_dir, files)
        (Path(base_dir) / "tcwae" / "COMMIT").write_text(commit() + "\n")


setup(cmdclass={"build_py": BuildWithCommit, "sdist": SourcesWithCommit})
