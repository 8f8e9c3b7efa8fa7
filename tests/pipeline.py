"""dvc.yaml as tests read it."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent


def definitions(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """What each stage is, by name; of one made for each model or judge, with its placeholders."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    return {name: stage.get("do", stage) for name, stage in stages.items()}
