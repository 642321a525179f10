"""The README and the how-to pages, each walked from a fresh folder: every command is pasted and run.

The environment names the binary: TASTEMAKER.

Of the commands, those of cargo are left out (the binary is there already), a virtual environment is the one of this
test, the port is a free one, and the demo has fewer listeners. A server runs until the text says Ctrl-C.
"""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from checks import Checks

ROOT = Path(__file__).resolve().parents[3]
LINES_MAX = 120
HOW_TO_PAGES = ["admin-api", "bootstrap", "destinations", "events", "first-steps", "mappings", "profile-api", "running", "settings"]
# A command that sets a variable of the reader's shell.
VARIABLE = re.compile(r"\w+=(\S+|'[^']*')")
READY_WITHIN_S = 60
COMMAND_WITHIN_S = 60
# What a reader of the README must see after a command, which is named by its first words.
SEEN = {
    "curl -u change-me-write:": '"success":true',
    "curl -u change-me-profile:": '"recommended_items":["lamp-7"]',
    "REQUESTS_CA_BUNDLE=": "'id': 'chair-1'",
    "tastemaker serve": "serving url=http",
    "tastemaker import catalog": "Catalog version 2 has 2 items.",
    "tastemaker import interactions": "Added 1 interaction.",
    "tastemaker recommend": 'There are no personal recommendations for "bob" yet; these items are trending:',
    "tastemaker backup": "bytes to ./backup.",
    "tastemaker demo": "because you played",
}


def parts(text):
    """The prose and the blocks of shell commands of the page, in their order; other blocks are neither."""
    for n, part in enumerate(re.split(r"^```", text, flags=re.MULTILINE)):
        if n % 2 == 0:
            yield "prose", part
        elif part.startswith("sh\n"):
            yield "commands", part.removeprefix("sh\n")


def commands_of(block):
    """The commands of a block, each as the shell would take it: with its continued lines and here-documents."""
    command = ""
    for line in block.splitlines():
        command += line + "\n"
        parsed = subprocess.run(["bash", "-n"], input=command, capture_output=True, text=True)
        if parsed.returncode == 0 and not parsed.stderr and not line.endswith("\\"):
            yield command
            command = ""
    assert not command, f"not a whole command: {command}"


class Walk:
    """A fresh folder, and the server that runs in it."""

    def __init__(self, folder):
        self.folder = folder
        self.server = None
        self.output = folder.parent / "output"
        self.variables = ""
        (folder.parent / "bin").mkdir()
        (folder.parent / "bin" / "tastemaker").symlink_to(os.environ["TASTEMAKER"])
        # curl is content with an error that the server answers, unless it is told otherwise.
        (folder.parent / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
        path = f"{folder.parent / 'bin'}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "CURL_HOME": str(folder.parent)}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])

    def adapt(self, command):
        """The command as it is run here; None where there is nothing to run."""
        if command.startswith("cargo "):
            return None
        if command.startswith("python3 -m venv venv "):
            return f"ln -s {sys.prefix} venv"
        command = command.replace("8080", self.port)
        command = command.replace("tastemaker serve", f"tastemaker serve --listen 127.0.0.1:{self.port}")
        return command.replace("tastemaker demo", f"tastemaker demo --users 300 --listen 127.0.0.1:{self.port}")

    def run(self, command):
        if command.startswith(("tastemaker serve", "tastemaker demo")):
            return self.start(self.adapt(command))
        adapted = self.adapt(command)
        if adapted is None:
            return ""
        if VARIABLE.fullmatch(adapted.strip()):
            self.variables += adapted
            return ""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.variables + adapted],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=COMMAND_WITHIN_S,
        )
        assert done.returncode == 0, f"status {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def start(self, command):
        assert self.server is None, "a server is running, and the text has not said Ctrl-C"
        log = self.output.open("w")
        self.server = subprocess.Popen(
            ["bash", "-c", "exec " + command], cwd=self.folder, env=self.environment, stdout=log, stderr=log
        )
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        scheme = "https" if "--tls" in command else "http"
        is_demo = "tastemaker demo" in command
        for _ in range(READY_WITHIN_S * 10):
            assert self.server.poll() is None, f"the server ended: {self.output.read_text()}"
            try:
                urlopen(f"{scheme}://127.0.0.1:{self.port}/readyz", context=unverified)
                if not is_demo or "Ctrl-C stops" in self.output.read_text():
                    return self.output.read_text()
            except URLError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"not ready: {self.output.read_text()}")

    def interrupt(self):
        """What Ctrl-C does; nothing where no server runs."""
        if self.server is None:
            return
        server, self.server = self.server, None
        server.send_signal(signal.SIGINT)
        status = server.wait(30)
        assert status == 0, f"status {status} after Ctrl-C: {self.output.read_text()}"


def print_output(output):
    """With README_WALK=show, what a reader sees is printed, to be read."""
    if os.environ.get("README_WALK") == "show":
        print("     | " + output.strip().replace("\n", "\n     | "), flush=True)


def walk_page(check, page, seen):
    """Runs the page's commands; `seen` is what some of them must say, each at least once."""
    unseen = set(seen)
    with tempfile.TemporaryDirectory(prefix="tastemaker-readme-") as temporary:
        folder = Path(temporary) / "fresh"
        folder.mkdir()
        walk = Walk(folder)
        try:
            for kind, part in parts(page.read_text()):
                if kind == "prose":
                    if "Ctrl-C" in part:
                        walk.interrupt()
                    continue
                for command in commands_of(part):

                    def body(command=command):
                        output = walk.run(command)
                        print_output(f"$ {command}{output}")
                        for words in [words for words in seen if command.startswith(words)]:
                            assert seen[words] in output, f"without {seen[words]}: {output}"
                            unseen.discard(words)

                    first = command.splitlines()[0]
                    body.__name__ = f"{page.stem}: {first if len(first) < 70 else first[:67] + '...'}"
                    check(body)
        finally:
            if walk.server is not None:
                walk.server.kill()
    assert not unseen, f"{page}: no command {unseen}"


def main():
    check = Checks("readme")
    readme = ROOT / "README.md"
    pages = [ROOT / "docs" / f"{name}.md" for name in HOW_TO_PAGES]

    @check
    def it_is_short():
        n_lines = len(readme.read_text().splitlines())
        assert n_lines <= LINES_MAX, f"{n_lines} lines"

    @check
    def links_lead_somewhere():
        for page in [readme, *(ROOT / "docs").glob("*.md")]:
            links = [link for link in re.findall(r"\]\(([^)#]+)", page.read_text()) if "://" not in link]
            missing = [link for link in links if not (page.parent / link).exists()]
            assert not missing, f"{page.name}: {missing}"

    @check
    def the_systemd_unit_names_options_that_there_are():
        unit = (ROOT / "docs" / "running.md").read_text().split("```ini\n")[1].split("```")[0]
        started = unit.split("ExecStart=")[1].replace("\\\n", " ").splitlines()[0]
        usage = subprocess.run([os.environ["TASTEMAKER"], "serve", "--help"], capture_output=True, text=True).stdout
        unknown = [option for option in re.findall(r"--[a-z-]+", started) if f"{option} " not in usage]
        assert "--data" in started and not unknown, unknown

    walk_page(check, readme, SEEN)
    for page in pages:
        walk_page(check, page, {})
    sys.exit(1 if check.n_failed else 0)


main()
