"""Puts the folder `app` inside the package: no other name reaches site-packages.

Everything else is in pyproject.toml, which can't list the packages of two folders.
"""

from tempfile import TemporaryDirectory

from setuptools import find_packages, setup

with TemporaryDirectory() as build:
    setup(
        packages=find_packages(include=["indexes", "indexes.*"])
        + [f"indexes.{name}" for name in find_packages(include=["app", "app.*"])],
        package_dir={"indexes.app": "app"},
        # Elsewhere, for what an earlier build left in the checkout would be packed again.
        options={"build": {"build_base": build}, "egg_info": {"egg_base": build}},
    )
