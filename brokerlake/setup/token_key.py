"""The token key, made when there is none; runs inside the virtual environment."""

from __future__ import annotations

import sys

from brokerlake.errors import BrokerlakeError


def main() -> int:
    """Exit code 0 when the lake of this project has a key, else 1 after one line."""
    from brokerlake.privacy.keys import current_key
    from brokerlake.rights import close_folders
    from brokerlake.settings import load_settings

    settings = load_settings()
    try:
        close_folders(settings)
        print(f"token key {current_key(settings).version}")
    except BrokerlakeError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
