/**
 * Recognizes renamed files. A renamed versioned file is still the same migration: the ledger takes the new name, and
 * nothing is run twice. Where a file only resembles an applied migration, a person must declare which it is. Pure.
 */

import type { ConvergeRequest } from '../../contract/converge';
import type { ErrorInfo } from '../../contract/errors';
import { type Manifest, type Migration, readTitle } from '../../contract/manifest';
import type { Ledger, LedgerMigration } from '../ledger/ledger';

export interface FileRename {
  readonly from: string;
  readonly to: string;
}

export interface FileRenamePlan {
  readonly renames: readonly FileRename[];
  /** Errors about files that may be new or renamed. */
  readonly errors: readonly ErrorInfo[];
}

/**
 * Returns the option of `trueup baseline` for a remedy: the list of a fleet, the schema of a tenant, or the stack. Only
 * CloudFormation knows the full name of a nested stack, so that is a placeholder.
 */
export function formatBaselineOption({
  owner,
  schemas,
  fleet = false,
}: Pick<ConvergeRequest, 'owner' | 'schemas' | 'fleet'>): string {
  if (fleet) return ' --fleet FILE';
  if (owner !== null) return ` --stack ${owner.stackName.includes('/') ? 'STACK' : owner.stackName}`;
  return schemas?.[0] === undefined ? '' : ` --schema ${schemas[0]}`;
}

const NO_RENAMES: FileRenamePlan = { renames: [], errors: [] };

type RenameRequest = Pick<ConvergeRequest, 'declared' | 'owner' | 'schemas' | 'fleet'>;

/** Matches files that the ledger does not contain with applied migrations whose files are missing. */
export function planRenames(manifest: Manifest, ledger: Ledger, request: RenameRequest): FileRenamePlan {
  const rows = ledger.migrations.filter(({ state }) => state !== 'undone');
  const known = new Set(rows.map(({ name }) => name));
  const inManifest = new Set(manifest.migrations.map(({ name }) => name));
  const files = manifest.migrations.filter(({ kind, name }) => kind === 'versioned' && !known.has(name));
  const gone = rows.filter(({ kind, name }) => kind === 'versioned' && !inManifest.has(name));
  const wrong = request.declared && refuseDeclared(request.declared, files, gone, manifest, ledger);
  if (wrong) return { renames: [], errors: [wrong] };
  if (files.length === 0 || gone.length === 0) return NO_RENAMES;

  const declared = new Map((ledger.declared ?? []).map(({ name, was }) => [name, was]));
  if (request.declared) declared.set(request.declared.name, request.declared.was);
  const renames: FileRename[] = [];
  for (const [name, was] of declared) {
    const taken = renames.some(({ from }) => from === was);
    if (
      was !== null &&
      !taken &&
      files.some((file) => file.name === name) &&
      gone.some((row) => row.name === was)
    )
      renames.push({ from: was, to: name });
  }
  // A name from the recorded renames applies again: the file may come from another branch, or from the code that a
  // rollback restored.
  for (const { name } of files) {
    const recorded = resolveCurrentName(name, ledger.renames);
    const isGone = gone.some((row) => row.name === recorded);
    if (isGone && !declared.has(name) && !renames.some(({ from, to }) => from === recorded || to === name))
      renames.push({ from: recorded, to: name });
  }
  const isOpenRow = ({ name }: LedgerMigration): boolean => !renames.some(({ from }) => from === name);
  const isOpenFile = ({ name }: Migration): boolean =>
    declared.get(name) !== null && !renames.some(({ to }) => to === name);

  const errors: ErrorInfo[] = [];
  for (const [rowsOfText, filesOfText] of groupByText(gone.filter(isOpenRow), files.filter(isOpenFile))) {
    const [row, file] = [rowsOfText[0], filesOfText[0]];
    if (row === undefined || file === undefined) continue;
    if (rowsOfText.length === 1 && filesOfText.length === 1) renames.push({ from: row.name, to: file.name });
    else
      errors.push(
        ...filesOfText.map((each) => makeAmbiguousRenameError(each, rowsOfText, filesOfText, request)),
      );
  }
  const refused = new Set(errors.map(({ migration }) => migration));
  const left = gone.filter(isOpenRow);
  for (const file of files.filter(isOpenFile)) {
    if (refused.has(file.name)) continue;
    const similar = findSimilar(file, left);
    if (similar) errors.push(makeMaybeRenamedError(file, similar.row, similar.because, request));
  }
  return { renames, errors };
}

function groupByText(
  rows: readonly LedgerMigration[],
  files: readonly Migration[],
): [LedgerMigration[], Migration[]][] {
  const texts = new Set(files.map(({ checksums }) => checksums.up));
  return [...texts].map((text) => [
    rows.filter(({ upChecksum }) => upChecksum === text),
    files.filter(({ checksums }) => checksums.up === text),
  ]);
}

const readNumber = (name: string): bigint | null => {
  const digits = /^\d+/.exec(name)?.[0];
  return digits === undefined ? null : BigInt(digits);
};

function findSimilar(
  file: Migration,
  gone: readonly LedgerMigration[],
): { readonly row: LedgerMigration; readonly because: string } | null {
  const { plain } = file.checksums;
  const sameStatements = gone.find((row) => plain !== undefined && row.plainChecksum === plain);
  if (sameStatements) return { row: sameStatements, because: 'differs only in comments and whitespace from' };
  // The file begins with the statements that have already run, and would run them again; the rest may have been
  // edited.
  const begun = gone.find(
    ({ state, statementChecksums }) =>
      state !== 'applied' &&
      statementChecksums.length > 0 &&
      statementChecksums.every((checksum, i) => file.statements[i]?.checksum === checksum),
  );
  if (begun) return { row: begun, because: 'begins with the completed statements of' };
  const sameNumber = gone.find(({ name }) => readNumber(name) === BigInt(file.version));
  if (sameNumber) return { row: sameNumber, because: 'has the same number as' };
  const title = readTitle(file.name);
  const sameTitle = gone.find(({ name }) => title !== '' && readTitle(name) === title);
  return sameTitle ? { row: sameTitle, because: 'has, apart from the number, the same name as' } : null;
}

const describeRenameRemedy = (file: Migration, was: string, request: RenameRequest): string =>
  `Nothing was run. If it is that migration under another name, run \`trueup baseline ${file.name} --was ${was}${formatBaselineOption(request)}\`; if it is a new one, \`trueup baseline --new ${file.name}${formatBaselineOption(request)}\`${request.owner === null ? '' : '; and deploy again'}.`;

const makeMaybeRenamedError = (
  file: Migration,
  row: LedgerMigration,
  because: string,
  request: RenameRequest,
): ErrorInfo => ({
  code: 'history',
  migration: file.name,
  file: file.file,
  message: `${file.file} ${because} ${row.name}, which is ${row.state === 'applied' ? 'applied' : 'not finished'} and whose file is missing`,
  remedy: describeRenameRemedy(file, row.name, request),
});

function makeAmbiguousRenameError(
  file: Migration,
  rows: readonly LedgerMigration[],
  files: readonly Migration[],
  request: RenameRequest,
): ErrorInfo {
  const names = rows.map(({ name }) => name).join(', ');
  const others = files.filter((each) => each !== file).map((each) => each.file);
  const like = others.length === 0 ? '' : `, like ${others.join(', ')}`;
  return {
    code: 'history',
    migration: file.name,
    file: file.file,
    message: `${file.file} has the text of applied migrations whose files are missing (${names})${like}: it is not known which of them it is`,
    remedy: describeRenameRemedy(file, rows.length === 1 ? rows[0]!.name : 'OLD', request),
  };
}

/**
 * Returns an error if a person's declaration about a file cannot be true. The file may also be one that only a
 * refused deployment had.
 */
function refuseDeclared(
  { name, was }: NonNullable<ConvergeRequest['declared']>,
  files: readonly Migration[],
  gone: readonly LedgerMigration[],
  manifest: Manifest,
  ledger: Ledger,
): ErrorInfo | null {
  if (was !== null && resolveCurrentName(was, ledger.renames) === name) return null;
  const file = manifest.migrations.find((each) => each.name === name);
  const isNew = file ? files.includes(file) : ledger.refusedFiles?.some((each) => each.name === name);
  if (!isNew)
    return {
      code: 'history',
      migration: name,
      message: `${name} is not a new versioned migration`,
      remedy:
        'Name the new file, without `.sql`. In a stack, a deployment that has it must have been refused before.',
    };
  const rows = file
    ? gone
    : ledger.migrations.filter(({ kind, state }) => kind === 'versioned' && state !== 'undone');
  if (was === null || rows.some((row) => row.name === was)) return null;
  return {
    code: 'history',
    migration: name,
    message: `${was} is not an applied versioned migration whose file is missing`,
    remedy: '`trueup status` lists those.',
  };
}

/** Returns the ledger as it is once the renames are recorded. */
export function applyRenames(ledger: Ledger, renames: readonly FileRename[], deployment: string): Ledger {
  if (renames.length === 0) return ledger;
  const newNames = new Map(renames.map(({ from, to }) => [from, to]));
  const taken = new Set(newNames.values());
  return {
    ...ledger,
    migrations: ledger.migrations
      .filter(({ name, state }) => !(state === 'undone' && taken.has(name)))
      .map((row) => ({ ...row, name: newNames.get(row.name) ?? row.name })),
    renames: [...(ledger.renames ?? []), ...renames.map((rename) => ({ ...rename, deployment }))],
  };
}

/** Returns the current name of a migration that once had this name. */
export function resolveCurrentName(name: string, renames: readonly FileRename[] = []): string {
  let current = name;
  for (let seen = -1; ; ) {
    // A migration may have had the name twice; the last time counts.
    const next = renames.findLastIndex(({ from }, index) => index > seen && from === current);
    if (next === -1) return current;
    current = renames[next]!.to;
    seen = next;
  }
}

/** Lists the names that this migration had before, each once. */
export const listFormerNames = (name: string, renames: readonly FileRename[] = []): string[] => [
  ...new Set(
    renames
      .map(({ from }) => from)
      .filter((from) => from !== name && resolveCurrentName(from, renames) === name),
  ),
];

/** Returns the ledger with the current file names, for callers that only read it. */
export const applyPlannedRenames = (manifest: Manifest, ledger: Ledger, request: RenameRequest): Ledger =>
  applyRenames(ledger, planRenames(manifest, ledger, request).renames, '');

export const describeRename = ({ from, to }: FileRename): string =>
  `${to} is the renamed file of ${from}, which is applied; the ledger records the new name`;
