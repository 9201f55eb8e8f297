"""An OPC UA server of asyncua whose values change. Prints its port; runs until its standard input ends.

Argument: the folder for its certificate and key, or nothing for security None.
"""

import asyncio
import socket
import sys
from datetime import datetime, timezone
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def secure(server: Server, folder: Path) -> None:
    certificate, key = folder / "server.der", folder / "server.pem"
    await setup_self_signed_certificate(
        key,
        certificate,
        "urn:headgate:test:asyncua",
        "localhost",
        [ExtendedKeyUsageOID.SERVER_AUTH],
        {"countryName": "DE", "organizationName": "test"},
    )
    await server.set_application_uri("urn:headgate:test:asyncua")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(str(certificate))
    await server.load_private_key(key)


async def main() -> None:
    port = free_port()
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/test")
    if len(sys.argv) > 1:
        await secure(server, Path(sys.argv[1]))
    else:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:headgate:test")
    folder = await server.nodes.objects.add_folder(f"ns={index};s=Line", f"{index}:Line")

    async def variable(name: str, value: object, kind: ua.VariantType):
        return await folder.add_variable(f"ns={index};s=Line.{name}", f"{index}:{name}", value, kind)

    counter = await variable("Counter", 0, ua.VariantType.Int32)
    await variable("Double", -2.5e-7, ua.VariantType.Double)
    await variable("Float", 3.25, ua.VariantType.Float)
    await variable("Text", "läuft", ua.VariantType.String)
    await variable("Flag", True, ua.VariantType.Boolean)
    await variable("Big", 2**63 + 5, ua.VariantType.UInt64)
    doubtful = await variable("Doubtful", 1.5, ua.VariantType.Double)
    await doubtful.write_value(
        ua.DataValue(
            ua.Variant(1.5, ua.VariantType.Double),
            StatusCode=ua.StatusCode(ua.StatusCodes.UncertainLastUsableValue),
            SourceTimestamp=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
        )
    )

    async def count() -> None:
        number = 0
        while True:
            number += 1
            await counter.write_value(number, ua.VariantType.Int32)
            await asyncio.sleep(0.1)

    async with server:
        print(port, flush=True)
        counting = asyncio.create_task(count())
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        counting.cancel()


asyncio.run(main())
