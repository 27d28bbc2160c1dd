import type { Manifest } from '../../../lambda/contract/manifest';
import { findDataApiProblems } from '../../compiler/data-api-limits';

/**
 * Checks the migrations against the limits of the Data API.
 * @throws {Error} listing everything that the Data API would refuse
 */
export function checkDataApiLimits(manifest: Manifest): void {
  const problems = findDataApiProblems(manifest);
  if (problems.length === 0) return;
  const lines = problems.map(({ file, line, message, remedy }) => `${file}:${line}: ${message}\n  ${remedy}`);
  throw new Error(`This cannot work through the Data API.\n\n${lines.join('\n\n')}`);
}
