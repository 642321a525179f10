"""An SMTP server of aiosmtpd for tests: it keeps what it takes, and answers by the address.

Listens three times: not encrypted, with STARTTLS, and encrypted from the first byte, where it also
announces PIPELINING. The folder of its argument has cert.pem and key.pem, and dns.json: keys of
DKIM by the names of their records. Each mail becomes a line of mails.jsonl. Its first line on
standard output has the ports. It ends with its standard input.
"""

import asyncio
import collections
import json
import pathlib
import ssl
import sys

import dkim
from aiosmtpd.smtp import SMTP, AuthResult

FOLDER = pathlib.Path(sys.argv[1])
CONTENT_BYTES_MAX = 25_000
SEEN = collections.Counter()
OPEN = collections.Counter()


def verify(content):
    """Whether the signature of a mail is right; None where it has none."""
    if b"dkim-signature:" not in content.lower():
        return None
    records = json.loads((FOLDER / "dns.json").read_text())
    signed = dkim.DKIM(content)
    return signed.verify(dnsfunc=lambda name, **_: records[name.decode().rstrip(".")].encode())


class Handler:
    def __init__(self, pipelining):
        self.pipelining = pipelining

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return responses[:-1] + ["250-PIPELINING"] * self.pipelining + responses[-1:]

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        SEEN[name] += 1
        refusals = {
            "unknown": "550 5.1.1 No such user",
            "full": "552 5.2.2 Over quota",
            "closing": "421 4.3.2 Shutting down",
        }
        if name in refusals:
            return refusals[name]
        if name == "later" and SEEN[name] == 1:
            return "450 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        address = envelope.rcpt_tos[0]
        name = address.split("@")[0]
        if name == "spam":
            return "554 5.7.1 Looks like spam"
        if name.startswith("slow"):
            OPEN["now"] += 1
            OPEN["most"] = max(OPEN["most"], OPEN["now"])
            await asyncio.sleep(0.3)
            OPEN["now"] -= 1
        mail = {
            "from": envelope.mail_from,
            "to": address,
            "content": envelope.content.decode("ascii"),
            "dkim": verify(envelope.content),
            "hello": session.host_name,
            "encrypted": session.ssl is not None or server.transport.get_extra_info("cipher") is not None,
            "user": (session.auth_data.login.decode() if session.auth_data else None),
            "peer": session.peer[1],
            "most_at_once": OPEN["most"],
        }
        with open(FOLDER / "mails.jsonl", "a") as file:
            file.write(json.dumps(mail) + "\n")
        if name == "drop" and SEEN[name] == 1:
            server.transport.abort()
        return "250 2.0.0 Taken"


def authenticate(server, session, envelope, mechanism, data):
    right = data.login == b"shop" and data.password == b"secret"
    return AuthResult(success=right, handled=False, auth_data=data)


async def main():
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "cert.pem", FOLDER / "key.pem")

    async def listen(over_tls, **options):
        def factory():
            return SMTP(
                Handler(over_tls is not None),
                hostname="mail.example.com",
                data_size_limit=CONTENT_BYTES_MAX,
                authenticator=authenticate,
                auth_require_tls=False,
                **options,
            )

        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=over_tls)
        return server.sockets[0].getsockname()[1]

    ports = {
        "plain": await listen(None),
        "starttls": await listen(None, tls_context=context, require_starttls=True),
        "tls": await listen(context),
    }
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
