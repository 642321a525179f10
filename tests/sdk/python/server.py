"""A real server for a test. The environment names the binary: TASTEMAKER."""

import atexit
import os
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen


def start_server(bootstrap, tls=False, settings=""):
    """The address of a server that is ready, and its data folder; it ends with this process."""
    temporary = tempfile.TemporaryDirectory(prefix="tastemaker-sdk-")
    atexit.register(temporary.cleanup)
    folder = Path(temporary.name)
    (folder / "bootstrap.toml").write_text(bootstrap)
    (folder / "settings.toml").write_text(settings)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    options = ["serve", "--data", folder / "data", "--listen", address, "--bootstrap", folder / "bootstrap.toml"]
    options += ["--config", folder / "settings.toml"]
    if tls:
        options.append("--tls-self-signed")
    log = (folder / "log").open("w+")
    server = subprocess.Popen([os.environ["TASTEMAKER"], *options], stdout=subprocess.DEVNULL, stderr=log)
    atexit.register(lambda: (server.terminate(), server.wait(30)))
    host = f"{'https' if tls else 'http'}://{address}"
    # Whether the certificate is a good one is for the test to find out.
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    for _ in range(150):
        if server.poll() is not None:
            break
        try:
            urlopen(f"{host}/readyz", context=unverified)
            return host, folder / "data"
        except URLError:
            time.sleep(0.1)
    raise RuntimeError("the server did not become ready:\n" + (folder / "log").read_text())
