import type { INamespace, DataType as NodeDataType, UAObject, UAVariable } from 'node-opcua';
import { HeadgateError } from '../errors/headgate-error.ts';
import { Status, type StatusCode } from '../model/quality.ts';
import type { DataType, TagDefinition, TagValue } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import { parseOpcUaAddress } from './opcua-address.ts';

type NodeOpcUa = typeof import('node-opcua');

/** A node with the tags that read it: several tags may be bits of one node. */
interface ServedNode {
  readonly variable: UAVariable;
  readonly type: DataType;
  readonly dataType: NodeDataType;
  bits: bigint;
}

/**
 * The nodes that the tags of one device stand in, below an object with the device's name.
 * Tags of namespace 0 are the server's own nodes and answer with its own values.
 */
export class OpcUaNodes {
  readonly #opcua: NodeOpcUa;
  readonly #own: INamespace;
  readonly #points: readonly { readonly node: ServedNode | null; readonly bit: number | null }[];
  readonly #byKey = new Map<string, ServedNode>();

  /** @throws SIMULATE_ADDRESS_UNSERVABLE */
  constructor(
    opcua: NodeOpcUa,
    own: INamespace,
    device: { readonly name: string; readonly tags: readonly TagDefinition[] },
  ) {
    this.#opcua = opcua;
    this.#own = own;
    // Node ids that are made here are texts no device would use: numbers that node-opcua gives out could be a tag's.
    const folder = own.addObject({
      organizedBy: own.addressSpace.rootFolder.objects,
      nodeId: `s=headgate.simulation/${device.name}`,
      browseName: device.name,
    });
    this.#points = device.tags.map((tag) => ({ node: this.#nodeOf(tag, folder), bit: tag.bit }));
  }

  /** @param index position in the device's tags */
  write(index: number, value: TagValue, status: StatusCode, time: EpochMs): void {
    const point = this.#points[index];
    if (point === undefined || point.node === null) return;
    const { node, bit } = point;
    let held = value;
    if (bit !== null && value !== null) {
      const mask = 1n << BigInt(bit);
      node.bits = Number(value) === 0 ? node.bits & ~mask : node.bits | mask;
      held = node.bits;
    }
    const { Variant, DataType: Type, VariantArrayType, coerceStatusCode } = this.#opcua;
    const variant =
      held === null
        ? new Variant({ dataType: Type.Null })
        : new Variant({
            dataType: node.dataType,
            arrayType: VariantArrayType.Scalar,
            value: toOpcUa(held, node.type),
          });
    node.variable.setValueFromSource(variant, coerceStatusCode(status), new Date(time));
  }

  #nodeOf(tag: TagDefinition, folder: UAObject): ServedNode | null {
    const point = parseOpcUaAddress(tag.address);
    if (point === null) throw unservable(tag, 'it is no node id, and no browse path below /Objects');
    const type = tag.type === 'auto' ? 'float64' : tag.type;
    if (point.kind === 'path') {
      const names = [...point.steps];
      const last = names.pop();
      if (last === undefined) throw unservable(tag, 'the browse path is empty');
      const parent = this.#folderOf(names);
      const key = point.steps.map((step) => `/${step.namespace}:${step.name}`).join('');
      return this.#add(key, type, this.#namespace(last.namespace), {
        ...this.#below(parent),
        nodeId: `s=headgate.simulation${key}`,
        browseName: last.name,
      });
    }
    const namespace = this.#namespace(point.namespace);
    if (namespace.index === 0) {
      if (this.#own.addressSpace.findNode(point.identifier) === null)
        throw unservable(tag, 'namespace 0 has no such node');
      return null;
    }
    const nodeId = `ns=${namespace.index};${point.identifier}`;
    return this.#add(nodeId, type, namespace, { componentOf: folder, nodeId, browseName: tag.name });
  }

  #add(
    key: string,
    type: DataType,
    namespace: INamespace,
    place: {
      readonly componentOf?: UAObject;
      readonly organizedBy?: UAObject;
      readonly nodeId: string;
      readonly browseName: string;
    },
  ): ServedNode {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const dataType = this.#opcua.DataType[OPCUA_TYPES[type]];
    const variable = namespace.addVariable({ ...place, dataType, minimumSamplingInterval: 0 });
    const { Variant, DataType: Type, coerceStatusCode } = this.#opcua;
    variable.setValueFromSource(
      new Variant({ dataType: Type.Null }),
      coerceStatusCode(Status.Bad_WaitingForInitialData),
    );
    const node = { variable, type, dataType, bits: 0n };
    this.#byKey.set(key, node);
    return node;
  }

  #namespace(which: number | string): INamespace {
    const { addressSpace } = this.#own;
    if (typeof which === 'string') return addressSpace.registerNamespace(which);
    for (let count = addressSpace.getNamespaceArray().length; count <= which; count++) {
      addressSpace.registerNamespace(`urn:headgate:simulation:${count}`);
    }
    return addressSpace.getNamespace(which);
  }

  /** The Objects folder organizes what all other objects have as components. Source: OPC 10000-5 §8.2.4. */
  #below(parent: UAObject): { readonly componentOf: UAObject } | { readonly organizedBy: UAObject } {
    const { objects } = this.#own.addressSpace.rootFolder;
    return parent.nodeId.toString() === objects.nodeId.toString() ? { organizedBy: parent } : { componentOf: parent };
  }

  #folderOf(steps: readonly { readonly namespace: number; readonly name: string }[]): UAObject {
    let parent = this.#own.addressSpace.rootFolder.objects as UAObject;
    let path = '';
    for (const { namespace, name } of steps) {
      path += `/${namespace}:${name}`;
      const home = this.#namespace(namespace);
      const known = parent.getFolderElementByName(name, home.index) ?? parent.getChildByName(name, home.index);
      parent =
        known === null
          ? home.addObject({ ...this.#below(parent), nodeId: `s=headgate.simulation${path}`, browseName: name })
          : (known as UAObject);
    }
    return parent;
  }
}

const OPCUA_TYPES = {
  auto: 'Double',
  bool: 'Boolean',
  int8: 'SByte',
  uint8: 'Byte',
  int16: 'Int16',
  uint16: 'UInt16',
  int32: 'Int32',
  uint32: 'UInt32',
  int64: 'Int64',
  uint64: 'UInt64',
  float16: 'Float',
  bcd16: 'UInt16',
  bcd32: 'UInt32',
  float32: 'Float',
  float64: 'Double',
  string: 'String',
} as const satisfies Record<DataType, string>;

/** A value in the form that node-opcua writes: 64-bit integers as [high, low]. */
function toOpcUa(value: Exclude<TagValue, null>, type: DataType): unknown {
  switch (type) {
    case 'bool':
      return Number(value) !== 0;
    case 'string':
      return String(value);
    case 'int64':
    case 'uint64': {
      const whole = BigInt.asUintN(64, typeof value === 'bigint' ? value : BigInt(Math.round(Number(value))));
      return [Number(whole >> 32n), Number(whole & 0xffffffffn)];
    }
    default:
      return Number(value);
  }
}

function unservable(tag: TagDefinition, problem: string): HeadgateError {
  const { name, device, address } = tag;
  return new HeadgateError('SIMULATE_ADDRESS_UNSERVABLE', { tag: name, device, address, problem });
}
