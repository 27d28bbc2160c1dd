import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Suppression } from '../../../lambda/contract/audit-findings';
import { findRenumbered, type Manifest, sha256 } from '../../../lambda/contract/manifest';
import type { GuaranteedWorkload } from '../../../lambda/contract/workload';
import { parseSuppressions, SUPPRESSION_EXAMPLE, SuppressionsFileProblem } from '../../audit/suppressions';
import { CompileError, formatForTerminal, type Problem } from '../../compiler/problem';
import { compileFolderSync } from '../../compiler/sync';
import { requireWorkloadFile, WorkloadFileError } from '../../workload/guaranteed-workload';
import { readGuaranteedWorkloadSync } from '../../workload/sync';
import { describeFault, throwProblems } from '../validation/prop-checks';
import { printOnlyText } from '../validation/uncaught-errors';
import type { SchemaMigrationsProps } from './schema-migrations-props';

export interface CompiledFolder {
  readonly manifest: Manifest;
  readonly warnings: readonly Problem[];
}

const compileCache = new Map<string, CompiledFolder>();

/**
 * Compiles a folder to its manifest, once per process for the same files, because an app often has one stack per stage.
 * @param history the newest migration that was applied before Trueup was adopted
 * @throws {CompileError} with every problem of every file
 */
export function compileOnce(folder: string, history?: string): CompiledFolder {
  const contents = hashFolder(folder);
  const key = `${contents} ${history ?? ''}`;
  const known = compileCache.get(key);
  if (known) return known;
  const warnings: Problem[] = [];
  const manifest = compileWithWarnings(folder, history, (warning) => warnings.push(warning));
  const result = { manifest, warnings };
  if (contents !== undefined) compileCache.set(key, result);
  return result;
}

/**
 * Checks at synth that the folder has the baseline; otherwise only the deployment would find a misspelled name. @throws
 * {Error}
 */
export function checkBaseline(where: IConstruct, name: string | undefined, { migrations }: Manifest): void {
  const versioned = migrations.filter(({ kind }) => kind === 'versioned').map((each) => each.name);
  if (name === undefined || name === '' || Token.isUnresolved(name) || versioned.includes(name)) return;
  if (findRenumbered(name, versioned) !== null) return;
  const must = `must be a versioned migration of the folder, the last one that the database holds already. The folder has ${versioned.slice(-5).join(', ') || 'none'}`;
  throwProblems(where, describeFault('baseline', name, must));
}

function compileWithWarnings(
  folder: string,
  history: string | undefined,
  warn: (warning: Problem) => void,
): Manifest {
  try {
    return compileFolderSync(folder, { history, warn });
  } catch (error) {
    throw error instanceof CompileError ? printOnlyText(error, formatForTerminal(error)) : error;
  }
}

/** Returns a hash of the folder's files, or undefined if one cannot be read; the compiler then reports which. */
function hashFolder(folder: string): string | undefined {
  try {
    const names = readdirSync(folder)
      .filter((name) => name.endsWith('.sql'))
      .sort();
    return sha256(JSON.stringify(names.map((name) => [name, readFileSync(join(folder, name), 'base64')])));
  } catch {
    return undefined;
  }
}

const workloadCache = new Map<string, GuaranteedWorkload>();

/**
 * Reads the workload that the files guarantee, once per process for the same contents.
 * @throws {Error} with the file and line that cannot be used, and what to do
 */
export function readWorkloadOnce(files: readonly string[]): GuaranteedWorkload {
  try {
    files.forEach(requireWorkloadFile);
    const key = hashFiles(files);
    const known = key === undefined ? undefined : workloadCache.get(key);
    if (known) return known;
    const promise = readGuaranteedWorkloadSync(files);
    if (key !== undefined) workloadCache.set(key, promise);
    return promise;
  } catch (error) {
    if (!(error instanceof WorkloadFileError)) throw error;
    const text = `workload must name files of statements to plan: ${error.message}. ${error.remedy}`;
    throw printOnlyText(new Error(text, { cause: error }), text);
  }
}

/** Returns the manifest with the application's guaranteed workload. @throws {Error} as {@link readWorkloadOnce} */
export function addWorkload(
  manifest: Manifest,
  { workload, removeWorkload = false }: Pick<SchemaMigrationsProps, 'workload' | 'removeWorkload'>,
): Manifest {
  if (workload === undefined) return removeWorkload ? { ...manifest, removesWorkload: true } : manifest;
  if (removeWorkload)
    throw new Error('removeWorkload takes the workload away that workload gives. Set only one of them.');
  return { ...manifest, workload: readWorkloadOnce([workload].flat()) };
}

/** Returns a hash of the files, or undefined if one cannot be read; reading the workload then reports which. */
function hashFiles(files: readonly string[]): string | undefined {
  try {
    return sha256(JSON.stringify(files.map((file) => [file, readFileSync(file, 'base64')])));
  } catch {
    return undefined;
  }
}

/** Reads a suppressions file. @throws {Error} with the file and the line that cannot be read */
export function readSuppressionsFile(file: string): readonly Suppression[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `${describeFault('audit.suppressions', file, `must be the path of a file that can be read (${code})`)}.`,
      {
        cause: error,
      },
    );
  }
  try {
    return parseSuppressions(text);
  } catch (error) {
    if (!(error instanceof SuppressionsFileProblem)) throw error;
    const text = `audit.suppressions: ${file}:${error.line}: ${error.message}. ${SUPPRESSION_EXAMPLE}`;
    throw printOnlyText(new Error(text, { cause: error }), text);
  }
}
