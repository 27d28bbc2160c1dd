/** Decides, from manifest, ledger and request, what is to be done. Pure: no database, no clock. */

import type { ConvergeRequest } from '../../contract/converge';
import type { ErrorInfo } from '../../contract/errors';
import { isAbout, type Manifest, type Migration } from '../../contract/manifest';
import type { Ledger, LedgerMigration } from '../ledger/ledger';
import { readable } from '../ledger/read';
import { stackOwnerName } from '../ledger/rows';
import { LEDGER_VERSION, needsInstall } from '../ledger/schema';
import { otherSchema } from '../schemas';

export type Step =
  /** Everything ran in an earlier slice or deployment; prove it first. */
  | { readonly type: 'verify'; readonly migration: Migration }
  /** Nothing can prove it: a later file says that its verify no longer holds, or it says itself why it has none. */
  | { readonly type: 'record-without-verify'; readonly migration: Migration }
  | { readonly type: 'baseline'; readonly migration: Migration }
  /** It is applied in another text, and a person has said that the edit changes nothing: its verify decides. */
  | { readonly type: 'accept'; readonly migration: Migration }
  /** The same of a text that is not here: a deployment that brought it was refused, and its code is gone. */
  | { readonly type: 'accept-later'; readonly migration: Migration; readonly upChecksum: string }
  | {
      readonly type: 'apply';
      readonly migration: Migration;
      readonly from: number;
      readonly note: ApplyNote;
    };

export type ApplyNote = '' | 'late' | 'changed' | 'resumed';

export interface ForwardPlan {
  readonly steps: readonly Step[];
  readonly warnings: readonly string[];
  readonly errors: readonly ErrorInfo[];
}

export const MINIMUM_SERVER = 130000;

/** Another stack owns the namespace than the one that asks. */
export const isForeign = ({ owner }: Ledger, { owner: asks, adopt }: ConvergeRequest): boolean =>
  asks != null && owner !== null && owner !== stackOwnerName(asks) && !adopt;

/** What forbids to touch the database at all, whatever the direction. */
export function obstacle(manifest: Manifest, ledger: Ledger, request: ConvergeRequest): ErrorInfo | null {
  const { server } = ledger;
  if (server.inRecovery) {
    return {
      code: 'unsupported',
      message: 'the server is a read replica (in recovery), so it is read-only',
      remedy: 'Give the address of the writer.',
    };
  }
  if (server.versionNumber < MINIMUM_SERVER) {
    return {
      code: 'unsupported',
      message: `the server is PostgreSQL ${server.version}; Trueup supports 13 and later`,
      remedy: 'Upgrade the server.',
    };
  }
  if (!readable(ledger)) {
    return {
      code: 'ledger',
      message: `the ledger was written by a newer Trueup (format ${ledger.version}, readable from ${ledger.readableBy}; this code reads ${LEDGER_VERSION})`,
      remedy: 'Deploy with that version of Trueup or a newer one.',
    };
  }
  if (!ledger.mayInstall && needsInstall(ledger.version, ledger.verification)) {
    return {
      code: 'privilege',
      message: `this version of Trueup has newer functions, and role ${server.role} may not replace those of schema trueup, which role ${ledger.schemaOwner} owns`,
      remedy: `Run it once as that role, or: GRANT "${ledger.schemaOwner}" TO "${server.role}";`,
    };
  }
  if (!isAbout(request, manifest)) {
    const other = request.manifestHash !== manifest.hash;
    const [asked, carried] = other
      ? [request.manifestHash, manifest.hash]
      : [request.workload, manifest.workload?.hash];
    return {
      code: 'manifest',
      message: `the request names ${other ? 'manifest' : 'workload'} ${short(asked ?? 'none')}, but this code carries ${short(carried ?? 'none')}`,
      remedy:
        'Deploy again, so that the code and the stack agree; a hot-swapped or stale asset is never applied.',
    };
  }
  if (isForeign(ledger, request)) {
    return {
      code: 'ownership',
      message: `namespace ${request.namespace} belongs to ${ledger.owner}`,
      remedy: 'Choose another namespace, or let this stack take it over (adopt: true).',
    };
  }
  const elsewhere = otherSchema(ledger, request);
  if (elsewhere) return elsewhere;
  if (server.canActAsOwner !== true) {
    const missing = server.canActAsOwner === null;
    return {
      code: 'privilege',
      message: missing
        ? `role ${request.ownerRole} does not exist`
        : `role ${server.role} cannot act as ${request.ownerRole}`,
      remedy: missing
        ? 'Create the role, or change the owner setting.'
        : membership(request.ownerRole!, server),
    };
  }
  return null;
}

/** From 16 on each grant says whether it is inherited; before that, the member does. */
const membership = (owner: string, { role, versionNumber }: Ledger['server']): string =>
  versionNumber >= 160000
    ? `GRANT "${owner}" TO "${role}" WITH INHERIT TRUE, SET TRUE;`
    : `GRANT "${owner}" TO "${role}"; ALTER ROLE "${role}" INHERIT;`;

const short = (hash: string): string => hash.slice(0, 12);

export function planForward(manifest: Manifest, ledger: Ledger, request: ConvergeRequest): ForwardPlan {
  const known = new Map(
    ledger.migrations.filter((row) => row.state !== 'undone').map((row) => [row.name, row]),
  );
  const inManifest = new Set(manifest.migrations.map((m) => m.name));
  const superseded = new Set(manifest.migrations.flatMap((m) => m.settings.supersedes));
  const newest = newestApplied(known);
  const baselineTo = baselineVersion(manifest, request);
  const verify: Step[] = [];
  const apply: Step[] = [];
  const warnings: string[] = [];
  const errors: ErrorInfo[] = [];
  if (request.baseline && baselineTo === null) errors.push(noSuchBaseline(request.baseline));
  for (const migration of manifest.migrations) {
    const row = known.get(migration.name);
    const wanted =
      migration.kind === 'versioned' && baselineTo !== null && BigInt(migration.version) <= baselineTo;
    if (row === undefined) {
      if (wanted) apply.push({ type: 'baseline', migration });
      else {
        const late = migration.kind === 'versioned' && newest !== null && BigInt(migration.version) < newest;
        if (late)
          warnings.push(`${migration.name} is older than the newest applied migration; it is applied late`);
        apply.push({ type: 'apply', migration, from: 0, note: late ? 'late' : '' });
      }
    } else if (row.state === 'applied') {
      const named = request.baselineOnly === true && request.baseline === migration.name;
      if (row.upChecksum === migration.checksums.up) {
        const refused = named ? ledger.refused?.find(({ name }) => name === migration.name) : undefined;
        if (refused && !refused.provable) errors.push(cannotVerify(migration));
        else if (refused) verify.push({ type: 'accept-later', migration, upChecksum: refused.upChecksum });
      } else if (migration.kind === 'repeatable')
        apply.push({ type: 'apply', migration, from: 0, note: 'changed' });
      else if (!named && !isAccepted(migration, ledger)) {
        const error = edited(migration, request);
        if (request.baselineOnly) warnings.push(`${migration.name}: ${error.message}`);
        else errors.push(error);
      } else if (migration.verify.length === 0) errors.push(cannotVerify(migration));
      else verify.push({ type: 'accept', migration });
    } else {
      const step = resume(migration, row, superseded);
      if ('code' in step) errors.push(step);
      else if (step.type === 'apply') apply.push(step);
      else verify.push(step);
    }
  }
  for (const name of known.keys()) {
    if (!inManifest.has(name)) warnings.push(`${name} is applied, but its file is gone; it stays applied`);
  }
  return { steps: errors.length > 0 ? [] : [...verify, ...apply], warnings, errors };
}

/** Where a half-done migration goes on. What is done may not have been edited; what comes after may. */
function resume(
  migration: Migration,
  row: LedgerMigration,
  superseded: ReadonlySet<string>,
): Step | ErrorInfo {
  const same = row.statementChecksums.every((checksum, i) => migration.statements[i]?.checksum === checksum);
  if (!same) {
    if (migration.kind === 'repeatable') return { type: 'apply', migration, from: 0, note: 'changed' };
    return {
      code: 'history',
      migration: migration.name,
      file: migration.file,
      message: `${migration.file} stopped after statement ${row.statement}, and those statements have been edited since`,
      remedy: 'Restore the statements that have run; you may edit those after them.',
    };
  }
  if (row.statement < migration.statements.length) {
    return { type: 'apply', migration, from: row.statement, note: 'resumed' };
  }
  return {
    type: superseded.has(migration.name) || migration.unproved !== null ? 'record-without-verify' : 'verify',
    migration,
  };
}

const isAccepted = (migration: Migration, ledger: Ledger): boolean =>
  ledger.accepted?.some(
    ({ name, upChecksum }) => name === migration.name && upChecksum === migration.checksums.up,
  ) ?? false;

/** A nested stack's name is known to CloudFormation only. */
const stackOption = ({ owner }: ConvergeRequest): string =>
  owner === null ? '' : ` --stack ${owner.stackName.includes('/') ? 'STACK' : owner.stackName}`;

const edited = (migration: Migration, request: ConvergeRequest): ErrorInfo => ({
  code: 'history',
  message: `${migration.file} was edited after it was applied`,
  remedy: `Restore the file and make the change in a new migration. If the edit changes nothing in the database, run \`trueup baseline ${migration.name}${stackOption(request)}\`${request.owner === null ? '' : ' and deploy again'}: the new text is recorded once its verify passes.`,
  migration: migration.name,
  file: migration.file,
});

const cannotVerify = (migration: Migration): ErrorInfo => ({
  code: 'history',
  message: `${migration.file} was edited after it was applied, and has no verify section that could tell whether the database holds the new text`,
  remedy: 'Give it a verify section, or restore the file and make the change in a new migration.',
  migration: migration.name,
  file: migration.file,
});

const noSuchBaseline = (name: string): ErrorInfo => ({
  code: 'manifest',
  message: `there is no versioned migration ${name} that could be the baseline`,
  remedy: 'Name the last migration that the database already holds, by its file name without `.sql`.',
});

function newestApplied(known: ReadonlyMap<string, LedgerMigration>): bigint | null {
  let newest: bigint | null = null;
  for (const { name, kind } of [...known.values()]) {
    const digits = kind === 'versioned' ? name.match(/^\d+/)?.[0] : undefined;
    if (digits !== undefined && (newest === null || BigInt(digits) > newest)) newest = BigInt(digits);
  }
  return newest;
}

function baselineVersion(manifest: Manifest, request: ConvergeRequest): bigint | null {
  const named = manifest.migrations.find((m) => m.name === request.baseline && m.kind === 'versioned');
  return named ? BigInt(named.version) : null;
}
