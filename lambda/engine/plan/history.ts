/**
 * History had no rules of consent to follow. On a new database what it destroys is what it made itself; on one that
 * existed before, it is somebody's data. Pure.
 */

import type { ErrorInfo } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { Step } from './plan';

export interface Before {
  /** Some of the folder is recorded that Trueup has not run. */
  readonly existedBefore: boolean;
  /** The ledger knows some of the folder. */
  readonly began: boolean;
  /** There are tables that the first run of the folder has not made: it is yet to begin, or has come to its end. */
  readonly holdsTables: boolean;
  /** Relations that the files change rows of, and that were there before Trueup ran any of the folder. */
  readonly there: ReadonlySet<string>;
}

/** Relations whose rows it changes, other than those that it makes. */
export const rowsChangedBy = ({ statements }: Migration): string[] =>
  statements
    .flatMap(({ locks }) => locks)
    .filter(({ mode, created }) => mode === 'ROW EXCLUSIVE' && !created)
    .map(({ relation }) => relation);

export function historyRefused(
  steps: readonly Step[],
  { existedBefore, began, holdsTables, there }: Before,
): ErrorInfo | null {
  const run = steps.filter(({ type }) => type === 'apply').map(({ migration }) => migration);
  const broken = run.find(({ history }) => history?.cannotRun);
  if (broken)
    return {
      code: 'manifest',
      migration: broken.name,
      file: broken.file,
      message: `it was applied elsewhere, and cannot be run here: ${broken.history!.cannotRun}`,
      remedy: `Nothing was run. Correct the file; or, if this database holds what it did, run \`trueup baseline ${broken.name}\`.`,
    };
  for (const migration of run) {
    const relation = migration.history && rowsChangedBy(migration).find((each) => there.has(each));
    if (relation)
      return {
        code: 'history',
        migration: migration.name,
        file: migration.file,
        message: `it changes rows of ${relation}, which this database already holds, and it is not recorded whether they have been changed`,
        remedy: `Nothing was run. If they have, give the files a verify section and run \`trueup baseline ${migration.name}\`; if not, move \`migrate:history\` to an older file.`,
      };
  }
  const destroys = run.find(({ history }) => history?.destroys);
  if (!destroys || !(existedBefore || holdsTables)) return null;
  if (!existedBefore && began)
    return {
      code: 'history',
      migration: destroys.name,
      file: destroys.file,
      message:
        'it may destroy data without consent, and this database has been in use since Trueup applied the files before it',
      remedy: `Nothing was run. \`migrate:history\` and a baseline are for files that were applied before Trueup was adopted. If this one should run, add \`-- migrate:consent destroys <why>\` to it.`,
    };
  return {
    code: 'history',
    migration: destroys.name,
    file: destroys.file,
    message: existedBefore
      ? 'it may destroy data without consent, and this database existed before Trueup was adopted'
      : 'it may destroy data without consent, and this database has tables that Trueup does not know',
    remedy: `Nothing was run. If the database holds what it did, run \`trueup baseline ${destroys.name}\`; if it should run, add \`-- migrate:consent destroys <why>\` to the file.`,
  };
}
