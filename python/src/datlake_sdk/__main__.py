"""`python -m datlake_sdk outbox` shows what waits for the server; `python -m datlake_sdk outbox send` sends it."""

from __future__ import annotations

import sys

from .client import DatlakeClient
from .errors import SDKError

USAGE = "usage: python -m datlake_sdk outbox [send]"


def main(arguments: list[str]) -> int:
    if arguments not in (["outbox"], ["outbox", "send"]):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        with DatlakeClient() as client:
            left = client.send_outbox(wait=60.0) if arguments[1:] else len(client.outbox.waiting())
            print(f"{left} reports wait for {client.base_url} in {client.outbox.folder}")
            for entry in client.outbox.refused():
                print(f"refused: {entry['method']} {entry['path']}: {entry['reason']}")
    except SDKError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 1 if arguments[1:] and left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
