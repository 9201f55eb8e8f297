"""
A Modbus server of pymodbus with two units: by TCP; with rtu or ascii as argument, in that form over TCP; with a serial port behind it, on
that. Prints its port (1 for a serial one); runs until its standard input ends.
"""

import asyncio
import struct
import sys

from pymodbus import ModbusDeviceIdentification
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus import FramerType
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.server import ModbusSerialServer, ModbusTcpServer


def registers(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def swapped(words: list[int]) -> list[int]:
    return words[::-1]


HOLDING = [0] * 500
HOLDING[0:1] = registers(struct.pack(">h", -1234))
HOLDING[1:2] = registers(struct.pack(">H", 54321))
HOLDING[2:4] = registers(struct.pack(">i", -7_654_321))
HOLDING[4:6] = swapped(registers(struct.pack(">f", 3.25)))
HOLDING[6:10] = registers(struct.pack(">d", -2.5e-7))
HOLDING[10:14] = registers(struct.pack(">Q", 2**63 + 5))
HOLDING[14:18] = registers(b"PUMP-7\0\0")
HOLDING[18:19] = [0b1000_0000_0000_0001]
# Arrays, in pymodbus's own encoding where it has one: it knows both orders of words, and bytes as the standard has them.
LONGS = [1, -2, 0x12345678, -(2**31)]
TYPES = ModbusClientMixin.DATATYPE
HOLDING[100:108] = ModbusClientMixin.convert_to_registers([-3000, -2000, -1000, 0, 1000, 2000, 3000, 32767], TYPES.INT16)
HOLDING[110:118] = ModbusClientMixin.convert_to_registers(LONGS, TYPES.INT32, word_order="big")
HOLDING[120:128] = [word for value in LONGS for word in ModbusClientMixin.convert_to_registers(value, TYPES.INT32, word_order="little")]
HOLDING[130:138] = registers(b"".join(struct.pack(">i", value)[i : i + 2][::-1] for value in LONGS for i in (0, 2)))
HOLDING[140:148] = registers(struct.pack("<4i", *LONGS))
HOLDING[150:158] = [word for value in (0.1, -1e300) for word in ModbusClientMixin.convert_to_registers(value, TYPES.FLOAT64, word_order="little")]
HOLDING[200:360] = ModbusClientMixin.convert_to_registers([i * 100_003 for i in range(80)], TYPES.INT32)
INPUT = [1000 + i for i in range(200)]
COILS = [i % 3 == 0 for i in range(200)]
DISCRETE = [i % 2 == 1 for i in range(200)]


def unit(holding: list[int]) -> ModbusDeviceContext:
    # The datastore counts from 1, the wire from 0.
    return ModbusDeviceContext(
        hr=ModbusSequentialDataBlock(1, holding),
        ir=ModbusSequentialDataBlock(1, INPUT),
        co=ModbusSequentialDataBlock(1, COILS),
        di=ModbusSequentialDataBlock(1, DISCRETE),
    )


async def main() -> None:
    identity = ModbusDeviceIdentification(info_name={"VendorName": "pymodbus", "ProductCode": "PM", "MajorMinorRevision": "3"})
    context = ModbusServerContext(devices={1: unit(HOLDING), 2: unit([7] * 10)}, single=False)
    framer = {"rtu": FramerType.RTU, "ascii": FramerType.ASCII}.get(sys.argv[1] if len(sys.argv) > 1 else "", FramerType.SOCKET)
    if len(sys.argv) > 2:
        server = ModbusSerialServer(context, framer=framer, identity=identity, port=sys.argv[2], baudrate=115200, parity="N")
        await server.listen()
        port = 1
    else:
        server = ModbusTcpServer(context, framer=framer, identity=identity, address=("127.0.0.1", 0))
        await server.listen()
        port = server.transport.sockets[0].getsockname()[1]
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.shutdown()


asyncio.run(main())
