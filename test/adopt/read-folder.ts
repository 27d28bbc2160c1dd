/** A folder in memory, read by a tool's rules. */
import type { ToolFolder } from '../../lib/adopt/entry';
import { compareByCodeUnits } from '../../lib/adopt/listing';
import { TOOLS } from '../../lib/adopt/tools';

export const rulesOf = (tool: string) => TOOLS.find((each) => each.tool === tool)!;
export const read = (
  tool: string,
  files: Readonly<Record<string, string>>,
  options?: Parameters<(typeof TOOLS)[number]['read']>[1],
): ToolFolder =>
  rulesOf(tool).read(
    {
      files: Object.keys(files).sort(compareByCodeUnits),
      bytes: (file) => Buffer.from(files[file]!),
      text: (file) => files[file]!,
    },
    options,
  );
export const keys = ({ entries }: ToolFolder) => entries.map(({ key }) => key);
export const passed = (folder: ToolFolder) =>
  Object.fromEntries(folder.passed.map(({ file, why }) => [file, why]));
export const empty = (...names: string[]) => Object.fromEntries(names.map((name) => [name, '']));
