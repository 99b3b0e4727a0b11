"""The scripts of benchmarks/ are run from the repository root and are no part of the installed package."""

from __future__ import annotations

import sys

from shared_data import ROOT

# Behind everything else: the rooms' bare folders must not stand in for installed packages.
sys.path.append(str(ROOT))
