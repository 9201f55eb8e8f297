import { Compile } from 'typebox/schema';
import { checkSchema } from '../../config/schema-check.ts';
import { schemaNodeOf } from '../../config/schema-node.ts';
import { HeadgateError } from '../../errors/headgate-error.ts';
import { isSegment } from '../../model/asset.ts';
import { isEventType } from '../../model/event.ts';
import { isTopicFilter } from '../../model/topic.ts';
import type { ServiceModule } from '../../ports/service.ts';

const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * Check what a service says of itself, and its configuration against its own schema.
 * @returns the configuration with the schema's defaults filled in
 * @throws SERVICE_MANIFEST_INVALID, SERVICE_CONFIG_INVALID
 */
export function checkService(name: string, module: ServiceModule, config: unknown): unknown {
  const { manifest } = module;
  const invalid = (reason: string) => new HeadgateError('SERVICE_MANIFEST_INVALID', { service: name, reason });
  if (!isSegment(manifest.name)) throw invalid(`name ${JSON.stringify(manifest.name)} is not a topic segment`);
  if (!SEMVER.test(manifest.version)) throw invalid(`version ${JSON.stringify(manifest.version)} is not SemVer: 1.0.0`);
  const badFilter = manifest.consumes.find((filter) => !isTopicFilter(filter));
  if (badFilter !== undefined) throw invalid(`${JSON.stringify(badFilter)} in \`consumes\` is not a topic filter`);
  const badType = Object.keys(manifest.produces).find((type) => !isEventType(type));
  if (badType !== undefined)
    throw invalid(`${JSON.stringify(badType)} in \`produces\` is not a type such as acme.part-done.v1`);
  const refused = (field: string, found: string, expected: string) =>
    new HeadgateError('SERVICE_CONFIG_INVALID', { service: name, field, found, expected });
  const { value, issues } = checkSchema(schemaNodeOf(module.configSchema), config ?? {});
  const [issue] = issues;
  if (issue !== undefined) throw refused(issue.path.join('.') || 'it', issue.found, issue.expected);
  // A user's schema may have keywords that the configuration's own check does not know.
  const [, [first]] = Compile(module.configSchema).Errors(value);
  if (first !== undefined)
    throw refused(first.instancePath.slice(1).replaceAll('/', '.') || 'it', 'wrong', first.message);
  return value;
}
