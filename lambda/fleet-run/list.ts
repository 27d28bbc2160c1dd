/** A fleet's targets, from all the places that its owner named, checked before anything is begun. */
import { describeError } from '../contract/errors';
import type { FleetMember, FleetPlan, ListedBy } from '../contract/fleet-run';
import type { MigrateRequest, MigrateResponse } from '../contract/migrate';
import { entriesOf, formatOf, type Given, ListError, MOST_TARGETS, type Problem } from '../fleet/entries';
import { checkSize, targetsOf } from '../fleet/targets';
import { FleetError } from './error';
import type { FleetOutbound } from './outbound';

const PAGE = 1_000;
/** Of all that is wrong in a list. */
const SHOWN = 5;
/** Of the connections that a server has to give. */
const SHARE_OF_FREE = 0.1;

/** @throws {FleetError} */
export async function readMembers(
  plan: FleetPlan,
  functions: Readonly<Record<string, string>>,
  outbound: FleetOutbound,
): Promise<FleetMember[]> {
  const servers = Object.keys(plan.servers);
  const [only] = plan.lists;
  // One list of an owner's own is read line by line, so that what is wrong is named by its line.
  const unit = plan.lists.length === 1 && only?.kind === 's3' ? 'line' : 'row';
  const entries: Given[] = [];
  const problems: Problem[] = [];
  try {
    for (const each of plan.lists) {
      const read =
        each.kind === 's3' ? await ofS3(each, outbound) : await ofServer(each, functions, outbound);
      const before = unit === 'line' ? null : entries.length;
      problems.push(...read.problems);
      for (const [i, entry] of read.entries.entries())
        entries.push(before === null ? entry : { ...entry, line: before + i + 1 });
    }
    return targetsOf(entries, problems, { servers, unit, bounds: plan }) as FleetMember[];
  } catch (error) {
    if (error instanceof ListError) throw new FleetError(wrongList(error));
    throw error;
  }
}

function wrongList({ message }: ListError): string {
  const lines = message.split('\n');
  const more = lines.length > SHOWN ? `; and ${lines.length - SHOWN} more` : '';
  return `The list of targets is wrong: ${lines.slice(0, SHOWN).join('; ')}${more}.`;
}

interface Read {
  readonly entries: readonly Given[];
  readonly problems: readonly Problem[];
}

async function ofS3(
  { bucket, key }: Extract<ListedBy, { kind: 's3' }>,
  outbound: FleetOutbound,
): Promise<Read> {
  const text = await outbound.list(bucket, key);
  checkSize(Buffer.byteLength(text));
  return entriesOf(text, formatOf(key, text));
}

async function ofServer(
  { server, source }: Extract<ListedBy, { kind: 'server' }>,
  functions: Readonly<Record<string, string>>,
  outbound: FleetOutbound,
): Promise<Read> {
  const entries: Given[] = [];
  let after: string | null = null;
  do {
    const response: MigrateResponse = await askServer(
      server,
      { action: 'targets', source, after, limit: PAGE },
      functions,
      outbound,
    );
    if (response.action !== 'targets') throw unexpected(server, response);
    const { targets, next } = response.page ?? {};
    // Anything else would be asked for ever, or taken for the end.
    if (!Array.isArray(targets) || !(next === null || (typeof next === 'string' && next !== after)))
      throw new FleetError(
        `The function of server ${server} answered a page of targets that is cut short.`,
        true,
      );
    // A source knows its own server; a query alone may name another one.
    for (const target of targets)
      entries.push({
        line: 0,
        fields: Object.fromEntries(
          Object.entries({ server, ...target }).filter(([, value]) => value !== null && value !== undefined),
        ),
      });
    if (entries.length > MOST_TARGETS)
      throw new FleetError(`Server ${server} names more than ${MOST_TARGETS} targets.`);
    after = next;
  } while (after !== null);
  return { entries, problems: [] };
}

/** @throws {FleetError} where it cannot be asked, or answers with an error */
export async function askServer(
  server: string,
  request: MigrateRequest,
  functions: Readonly<Record<string, string>>,
  outbound: Pick<FleetOutbound, 'invokeMigrate'>,
): Promise<MigrateResponse> {
  const name = functions[server];
  if (name === undefined) throw new FleetError(`The fleet has no server ${server}.`);
  const invoked = await outbound.invokeMigrate(name, request);
  if (invoked.kind !== 'answered')
    throw new FleetError(
      `The function of server ${server} gave no answer: ${invoked.message}. See its log.`,
      true,
    );
  const { response } = invoked;
  if (response.action !== 'error') return response;
  throw new FleetError(
    `Server ${server}: ${describeError(response.error)}`,
    // What an older version of the function does not know, the new one will.
    ['connection', 'unsupported', 'busy'].includes(response.error.code),
  );
}

export const unexpected = (server: string, { action }: MigrateResponse): FleetError =>
  new FleetError(`The function of server ${server} answered \`${action}\` to another question.`, true);

/** @throws {FleetError} where so many tenants at once would take more than a tenth of a server's free connections */
export async function checkRoom(
  plan: FleetPlan,
  members: readonly FleetMember[],
  functions: Readonly<Record<string, string>>,
  outbound: FleetOutbound,
): Promise<void> {
  const checks = Object.entries(plan.servers).map(async ([server, { concurrency }]) => {
    const targets = members.filter((member) => member.server === server).length;
    if (targets === 0) return [];
    const response = await askServer(server, { action: 'server' }, functions, outbound);
    if (response.action !== 'server') throw unexpected(server, response);
    const { freeConnections: free } = response.server;
    const most = Math.max(1, Math.floor(free * SHARE_OF_FREE));
    const needed = Math.min(concurrency, targets);
    return needed <= most
      ? []
      : `Server ${server} has ${free} free connections, and ${needed} tenants at once would take more than a tenth of them; set maxConcurrency to ${most}, or raise max_connections.`;
  });
  const wrong = (await Promise.all(checks)).flat();
  if (wrong.length > 0) throw new FleetError(wrong.join(' '));
}
