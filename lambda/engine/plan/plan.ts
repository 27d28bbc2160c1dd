/** Decides what to do, from manifest, ledger and request. Pure: no database, no clock. */

import type { ConvergeRequest } from '../../contract/converge';
import type { ErrorInfo } from '../../contract/errors';
import { findRenumbered, type Manifest, type Migration, matchesManifest } from '../../contract/manifest';
import type { Ledger, LedgerMigration } from '../ledger/ledger';
import { formatStackOwner } from '../ledger/ledger-rows';
import { isReadableLedger } from '../ledger/read';
import { GUARD_VERSION, LEDGER_VERSION, needsInstall } from '../ledger/schema';
import { findSchemaMismatch } from '../search-path';
import {
  applyRenames,
  describeRename,
  type FileRename,
  formatBaselineOption,
  planRenames,
  resolveCurrentName,
} from './renamed-files';

export type PlanStep =
  /** All its statements ran in an earlier slice or deployment; its verify section must pass now. */
  | { readonly type: 'verify'; readonly migration: Migration }
  /** No verify section applies: either a later file supersedes this one, or the file states why it has none. */
  | { readonly type: 'record-without-verify'; readonly migration: Migration }
  | { readonly type: 'baseline'; readonly migration: Migration }
  /**
   * It is applied with another text, and a person has declared that the edit changes nothing. Its verify section must
   * confirm that, unless the statements are the same. If its file was renamed too, the ledger takes the new name
   * together with the new text.
   */
  | {
      readonly type: 'accept';
      readonly migration: Migration;
      readonly sameStatements: boolean;
      readonly rename?: FileRename;
    }
  /**
   * The same for a text that is not in this folder: the deployment that brought it was refused, and its code is not
   * here.
   */
  | { readonly type: 'accept-later'; readonly migration: Migration; readonly upChecksum: string }
  | {
      readonly type: 'apply';
      readonly migration: Migration;
      readonly from: number;
      readonly note: ApplyNote;
    };

export type ApplyNote = '' | 'out-of-order' | 'changed' | 'resumed';

export interface ForwardPlan {
  /**
   * Applied migrations whose files were renamed. Recorded before the steps, or by the step that verifies the new
   * text, see {@link listRenamesToVerify}.
   */
  readonly renames: readonly FileRename[];
  readonly steps: readonly PlanStep[];
  readonly warnings: readonly string[];
  readonly errors: readonly ErrorInfo[];
}

const MIN_SERVER_VERSION = 130000;

/** Whether another stack owns the namespace. */
export const isForeignOwner = ({ owner }: Ledger, { owner: asks, adopt }: ConvergeRequest): boolean =>
  asks != null && owner !== null && owner !== formatStackOwner(asks) && !adopt;

/** Returns the error that forbids touching the database, whatever the direction of the request. */
export function findPreconditionError(
  manifest: Manifest,
  ledger: Ledger,
  request: ConvergeRequest,
): ErrorInfo | null {
  const { server } = ledger;
  if (server.inRecovery) {
    return {
      code: 'unsupported',
      message: 'the server is a read replica (in recovery), so it is read-only',
      remedy: 'Give the address of the writer.',
    };
  }
  if (server.versionNumber < MIN_SERVER_VERSION) {
    return {
      code: 'unsupported',
      message: `the server is PostgreSQL ${server.version}; Trueup supports 13 and later`,
      remedy: 'Upgrade the server.',
    };
  }
  if (!isReadableLedger(ledger)) {
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
  if (!matchesManifest(request, manifest)) {
    const other = request.manifestHash !== manifest.hash;
    const [asked, carried] = other
      ? [request.manifestHash, manifest.hash]
      : [request.workload, manifest.workload?.hash];
    return {
      code: 'manifest',
      message: `the request names ${other ? 'manifest' : 'workload'} ${shortenHash(asked ?? 'none')}, but this code carries ${shortenHash(carried ?? 'none')}`,
      remedy:
        'Deploy again, so that the code and the stack agree; a hot-swapped or stale asset is never applied.',
    };
  }
  if (isForeignOwner(ledger, request)) {
    return {
      code: 'ownership',
      message: `namespace ${request.namespace} belongs to ${ledger.owner}`,
      remedy: 'Choose another namespace, or let this stack take it over (adopt: true).',
    };
  }
  const forward = request.direction !== 'rollback' && !request.remove;
  if (forward && ledger.runningWorkload != null && (ledger.minGuardVersion ?? 0) > GUARD_VERSION) {
    return {
      code: 'ledger',
      message:
        'this version of Trueup cannot keep the workload that the ledger guarantees to the running application, so it applies nothing',
      remedy: 'Deploy with the version that recorded it, or a newer one.',
    };
  }
  const elsewhere = findSchemaMismatch(ledger, request);
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
        : describeMembershipGrant(request.ownerRole!, server),
    };
  }
  return null;
}

/**
 * Returns the GRANT that allows acting as the owner. Since PostgreSQL 16, INHERIT is an option of each grant; before, it
 * is an attribute of the member.
 */
const describeMembershipGrant = (owner: string, { role, versionNumber }: Ledger['server']): string =>
  versionNumber >= 160000
    ? `GRANT "${owner}" TO "${role}" WITH INHERIT TRUE, SET TRUE;`
    : `GRANT "${owner}" TO "${role}"; ALTER ROLE "${role}" INHERIT;`;

const shortenHash = (hash: string): string => hash.slice(0, 12);

export function planForward(manifest: Manifest, found: Ledger, request: ConvergeRequest): ForwardPlan {
  const { renames, errors: unclear } = planRenames(manifest, found, request);
  const ledger = applyRenames(found, renames, request.id);
  const known = new Map(
    ledger.migrations.filter((row) => row.state !== 'undone').map((row) => [row.name, row]),
  );
  const inManifest = new Set(manifest.migrations.map((m) => m.name));
  const superseded = new Set(manifest.migrations.flatMap((m) => m.settings.supersedes));
  const newest = findNewestApplied(known);
  const baseline = findBaseline(manifest, ledger, request);
  const baselineTo = baseline && BigInt(baseline.version);
  const unclearFiles = new Set(unclear.map(({ migration }) => migration));
  const verify: PlanStep[] = [];
  const apply: PlanStep[] = [];
  const warnings: string[] = renames.map(describeRename);
  const errors: ErrorInfo[] = [];
  // A baseline that declares one unclear file does not have to declare the others at the same time.
  const others = unclear.filter(({ migration }) => migration !== request.declared?.name);
  if (!request.baselineOnly) errors.push(...unclear);
  else {
    errors.push(...unclear.filter((error) => !others.includes(error)));
    warnings.push(...others.map(({ message }) => message));
  }
  if (request.baseline && baseline === null) errors.push(makeNoSuchBaselineError(request.baseline));
  for (const migration of manifest.migrations) {
    const row = known.get(migration.name);
    const wanted =
      migration.kind === 'versioned' && baselineTo !== null && BigInt(migration.version) <= baselineTo;
    if (row === undefined) {
      if (unclearFiles.has(migration.name)) continue;
      if (wanted) apply.push({ type: 'baseline', migration });
      else {
        const late = migration.kind === 'versioned' && newest !== null && BigInt(migration.version) < newest;
        if (late)
          warnings.push(
            `${migration.name} has a lower number than the newest applied migration; it is applied out of order`,
          );
        apply.push({ type: 'apply', migration, from: 0, note: late ? 'out-of-order' : '' });
      }
    } else if (row.state === 'applied') {
      const named =
        request.baselineOnly === true && [baseline?.name, request.declared?.name].includes(migration.name);
      if (row.upChecksum === migration.checksums.up) {
        const refused = named ? ledger.refused?.find(({ name }) => name === migration.name) : undefined;
        if (refused && !refused.hasVerify && !isSameText(row, refused))
          errors.push(makeCannotVerifyError(migration));
        else if (refused) verify.push({ type: 'accept-later', migration, upChecksum: refused.upChecksum });
      } else if (migration.kind === 'repeatable')
        apply.push({ type: 'apply', migration, from: 0, note: 'changed' });
      else if (!named && !isAccepted(migration, ledger)) {
        const error = makeEditedError(migration, row, request);
        if (request.baselineOnly) warnings.push(`${migration.name}: ${error.message}`);
        else errors.push(error);
      } else {
        const sameStatements = isSameText(row, { plainChecksum: migration.checksums.plain });
        if (!sameStatements && migration.verify.length === 0) errors.push(makeCannotVerifyError(migration));
        else {
          const rename = sameStatements ? undefined : renames.find(({ to }) => to === migration.name);
          verify.push({ type: 'accept', migration, sameStatements, ...(rename ? { rename } : {}) });
        }
      }
    } else {
      const step = planResume(migration, row, superseded);
      if ('code' in step) errors.push(step);
      else if (step.type === 'apply') apply.push(step);
      else verify.push(step);
    }
  }
  for (const { name, state } of known.values()) {
    if (inManifest.has(name)) continue;
    const standing = state === 'applied' ? 'applied' : 'not finished';
    warnings.push(`${name} is ${standing}, but its file is missing; it stays ${standing}`);
  }
  return { renames, steps: errors.length > 0 ? [] : [...verify, ...apply], warnings, errors };
}

/**
 * Decides where a half-done migration continues. Statements that have already run must be unchanged; later ones may
 * have been edited.
 */
function planResume(
  migration: Migration,
  row: LedgerMigration,
  superseded: ReadonlySet<string>,
): PlanStep | ErrorInfo {
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
    type:
      superseded.has(migration.name) || migration.withoutVerify !== null ? 'record-without-verify' : 'verify',
    migration,
  };
}

/** Lists the renames that steps record once the verify section of the new text passes. */
export const listRenamesToVerify = (steps: readonly PlanStep[]): FileRename[] =>
  steps.flatMap((step) => (step.type === 'accept' && step.rename ? [step.rename] : []));

const isAccepted = (migration: Migration, ledger: Ledger): boolean =>
  ledger.accepted?.some(
    ({ name, upChecksum }) =>
      upChecksum === migration.checksums.up &&
      (name === migration.name || resolveCurrentName(name, ledger.renames) === migration.name),
  ) ?? false;

/** Whether the texts differ at most in comments and whitespace. Not known for rows that older code recorded. */
const isSameText = (
  { plainChecksum }: LedgerMigration,
  other: { readonly plainChecksum?: string | null },
): boolean => plainChecksum != null && plainChecksum === other.plainChecksum;

function makeEditedError(migration: Migration, row: LedgerMigration, request: ConvergeRequest): ErrorInfo {
  const { name, file, checksums } = migration;
  const command = `\`trueup baseline ${name}${formatBaselineOption(request)}\`${request.owner === null ? '' : ' and deploy again'}`;
  const where = { code: 'history', migration: name, file } as const;
  if (isSameText(row, { plainChecksum: checksums.plain }))
    return {
      ...where,
      message: `${file} was edited after it was applied, but only in comments and whitespace`,
      remedy: `Run ${command}: the new text is recorded. Or restore the file.`,
    };
  return {
    ...where,
    message: `${file} was edited after it was applied`,
    remedy: `Restore the file and make the change in a new migration. If the edit changes nothing in the database, run ${command}: the new text is recorded once its verify section passes.`,
  };
}

const makeCannotVerifyError = (migration: Migration): ErrorInfo => ({
  code: 'history',
  message: `${migration.file} was edited after it was applied, and has no verify section that shows whether the database has what the new text describes`,
  remedy: 'Give it a verify section, or restore the file and make the change in a new migration.',
  migration: migration.name,
  file: migration.file,
});

const makeNoSuchBaselineError = (name: string): ErrorInfo => ({
  code: 'manifest',
  message: `there is no versioned migration ${name} that could be the baseline`,
  remedy: 'Name the last migration that the database already contains, by its file name without `.sql`.',
});

function findNewestApplied(known: ReadonlyMap<string, LedgerMigration>): bigint | null {
  let newest: bigint | null = null;
  for (const { name, kind } of [...known.values()]) {
    const digits = kind === 'versioned' ? name.match(/^\d+/)?.[0] : undefined;
    if (digits !== undefined && (newest === null || BigInt(digits) > newest)) newest = BigInt(digits);
  }
  return newest;
}

/** Finds the baseline by its file's current or former name. */
function findBaseline(
  manifest: Manifest,
  { renames }: Ledger,
  { baseline, baselineOnly }: ConvergeRequest,
): Migration | null {
  if (!baseline) return null;
  const versioned = new Map(
    manifest.migrations.filter(({ kind }) => kind === 'versioned').map((each) => [each.name, each]),
  );
  const known = versioned.get(baseline) ?? versioned.get(resolveCurrentName(baseline, renames));
  if (known) return known;
  // An application's setting keeps the old name after its file is renamed, also for a database that never had it.
  const renumbered = baselineOnly ? null : findRenumbered(baseline, [...versioned.keys()]);
  return renumbered === null ? null : versioned.get(renumbered)!;
}
