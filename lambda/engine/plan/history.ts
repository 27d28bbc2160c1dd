/**
 * Decides whether historical files, applied before Trueup was adopted, may run here. They were written without rules
 * of consent. On a new database they can only destroy what they created themselves; on an existing one they could
 * destroy a user's data. Pure.
 */

import type { ErrorInfo } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { PlanStep } from './plan';

export interface FolderHistory {
  /** Whether the ledger records migrations of the folder that Trueup did not run. */
  readonly existedBefore: boolean;
  /** Whether the ledger has any row for this folder. */
  readonly began: boolean;
  /**
   * Whether the database has tables that the first run of the folder did not create: that run has not begun, or it
   * has been completed.
   */
  readonly holdsTables: boolean;
  /** Relations that existed before Trueup ran any of the folder, and whose rows the files change. */
  readonly there: ReadonlySet<string>;
}

/** Returns the relations whose rows the migration changes, without those that it creates. */
export const listTablesWithRowChanges = ({ statements }: Migration): string[] =>
  statements
    .flatMap(({ locks }) => locks)
    .filter(({ mode, created }) => mode === 'ROW EXCLUSIVE' && !created)
    .map(({ relation }) => relation);

export function findHistoryError(
  steps: readonly PlanStep[],
  { existedBefore, began, holdsTables, there }: FolderHistory,
): ErrorInfo | null {
  const run = steps.filter(({ type }) => type === 'apply').map(({ migration }) => migration);
  const broken = run.find(({ history }) => history?.cannotRun);
  if (broken)
    return {
      code: 'manifest',
      migration: broken.name,
      file: broken.file,
      message: `it was applied elsewhere, and cannot be run here: ${broken.history!.cannotRun}`,
      remedy: `Nothing was run. Correct the file; or, if this database already contains its changes, run \`trueup baseline ${broken.name}\`.`,
    };
  for (const migration of run) {
    const relation = migration.history && listTablesWithRowChanges(migration).find((each) => there.has(each));
    if (relation)
      return {
        code: 'history',
        migration: migration.name,
        file: migration.file,
        message: `it changes rows of ${relation}, which this database already has, and no ledger records whether it has changed them already`,
        remedy: `Nothing was run. If it has, give the files a verify section and run \`trueup baseline ${migration.name}\`; if not, move \`migrate:history\` to an older file.`,
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
      : 'it may destroy data without consent, and this database has tables that these files did not create',
    remedy: `Nothing was run. If the database already contains its changes, run \`trueup baseline ${destroys.name}\`; if it should run, add \`-- migrate:consent destroys <why>\` to the file.`,
  };
}
