"""The packages of the wheel: found, so that none is forgotten; everything else is in pyproject.toml."""

from setuptools import find_namespace_packages, find_packages, setup

setup(
    packages=[
        *find_packages(include=["nasreplay*"]),
        "nasreplay.configs",
        *(f"nasreplay.configs.{name}" for name in find_namespace_packages("configs")),
    ],
    package_dir={"nasreplay.configs": "configs"},
)
