import { entriesOf, type Mapping, mappingOf, textOf } from './document.ts';
import { type ImportedTable, type ImportOptions, Rejection, TagCollector } from './imported-table.ts';
import { optionalNumber } from './modbus-cells.ts';

/** A `publishednodes.json` of OPC Publisher (Azure Industrial IoT): one OPC UA device for each endpoint. */
export function importOpcPublisher(document: unknown, options: ImportOptions): ImportedTable {
  if (!Array.isArray(document)) throw new Rejection('the document is not a list of endpoints');
  const collector = new TagCollector(options);
  const devices = new Map<string, string>();
  for (const { entry: endpoint, place } of entriesOf({ '': document }, '', '')) {
    const owner = () => {
      const url = textOf(endpoint, 'EndpointUrl');
      if (url === '') throw new Rejection('it has no EndpointUrl');
      const known = devices.get(url);
      if (known !== undefined) return known;
      const device = collector.device(nameOf(endpoint, url), {
        driver: 'opcua',
        endpoint: url,
        ...securityOf(endpoint, collector),
      });
      devices.set(url, device);
      return device;
    };
    const legacy = mappingOf(endpoint['NodeId'], 'NodeId');
    const nodes =
      endpoint['OpcNodes'] === undefined && textOf(legacy, 'Identifier') !== ''
        ? [{ entry: { Id: legacy['Identifier'] }, place }]
        : entriesOf(endpoint, 'OpcNodes', place);
    for (const { entry: node, place: at } of nodes) {
      const id = textOf(node, 'Id', 'ExpandedNodeId', 'NodeId');
      const name = textOf(node, 'DisplayName', 'DataSetFieldId') || lastPart(id);
      collector.tag(at, name, owner, () => {
        if (id === '') throw new Rejection('it has no Id');
        return { address: nodeIdOf(id), ...scanCell(node, endpoint), ...deadbandCells(node) };
      });
    }
  }
  return collector.result();
}

function nameOf(endpoint: Mapping, url: string): string {
  const writer = textOf(endpoint, 'DataSetWriterId', 'DataSetWriterGroup');
  return writer || url.replace(/^[a-z.]+:\/\//i, '').replace(/[/?].*$/, '');
}

/** `http://vendor#s=Motor` of its old versions is `nsu=http://vendor;s=Motor`. */
function nodeIdOf(id: string): string {
  const [, uri, rest] = /^([a-z][a-z0-9+.-]*:[^#;]+)#([isgb]=.+)$/i.exec(id) ?? [];
  return rest === undefined ? id : `nsu=${uri};${rest}`;
}

function lastPart(id: string): string {
  return id.split(/[=./|]/).at(-1) ?? id;
}

function scanCell(node: Mapping, endpoint: Mapping): { readonly scan_ms?: string } {
  const time =
    optionalNumber(node['OpcSamplingInterval'], 'OpcSamplingInterval') ??
    optionalNumber(node['OpcPublishingInterval'], 'OpcPublishingInterval') ??
    optionalNumber(endpoint['DataSetPublishingInterval'], 'DataSetPublishingInterval');
  const span =
    textOf(node, 'OpcSamplingIntervalTimespan', 'OpcPublishingIntervalTimespan') ||
    textOf(endpoint, 'DataSetPublishingIntervalTimespan');
  const [, days = '0', hours, minutes, seconds] = /^(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(span) ?? [];
  const period =
    time ??
    (seconds === undefined
      ? null
      : (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000);
  return period === null || period <= 0 ? {} : { scan_ms: String(period) };
}

function deadbandCells(node: Mapping) {
  const value = optionalNumber(node['DeadbandValue'], 'DeadbandValue');
  if (value === null || value <= 0) return {};
  return {
    deadband: String(value),
    deadband_type: /percent/i.test(textOf(node, 'DeadbandType')) ? 'percent' : 'absolute',
  };
}

function securityOf(endpoint: Mapping, collector: TagCollector): Mapping {
  if (/username/i.test(textOf(endpoint, 'OpcAuthenticationMode'))) {
    collector.note('user and password of OPC UA servers are not taken over: config/reference.md says where they go');
  }
  const mode = textOf(endpoint, 'EndpointSecurityMode').toLowerCase();
  const isSecure = endpoint['UseSecurity'] === true || (mode !== '' && mode !== 'none');
  return isSecure ? {} : { security: { policy: 'None', mode: 'None' } };
}
