import type { Manifest } from '../../../lambda/contract/manifest';
import { dataApiProblems } from '../../compiler/data-api-limits';

/** @throws {Error} with everything that the Data API would refuse */
export function checkDataApiLimits(manifest: Manifest): void {
  const problems = dataApiProblems(manifest);
  if (problems.length === 0) return;
  const lines = problems.map(({ file, line, message, remedy }) => `${file}:${line}: ${message}\n  ${remedy}`);
  throw new Error(`This cannot work through the Data API.\n\n${lines.join('\n\n')}`);
}
