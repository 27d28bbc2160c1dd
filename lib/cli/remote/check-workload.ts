/**
 * Plans the workload in the deployed function of a stack, in parts: the request and the response of an invocation are
 * limited to 6 MB.
 */
import type { MigrateRequest } from '../../../lambda/contract/migrate';
import type { WorkloadCheckResult, WorkloadStatement } from '../../../lambda/contract/workload';
import type { Sender } from '../../workload/collect-workload';
import {
  type BrokenWorkloadStatement,
  buildWorkloadCheck,
  type EntryStatementUse,
  listStatementUses,
  type StatementEntry,
  type WorkloadCheck,
} from '../../workload/workload-check';
import { type CallFunction, findMigrateFunction } from './migrate-function';
import type { RemoteOptions } from './remote';

/** Limits of one invocation; each statement comes back with its verdict. */
const PART_LIMITS = { statements: 1_000, characters: 1_000_000 };

/**
 * Plans the workload in the deployed function.
 * @param entries statements to plan; `null` for the guaranteed workload of the running application, as the ledger keeps
 * it
 * @throws {TrueupError} if the function does not respond
 */
export async function checkWorkloadRemotely(
  { stackName, namespace }: RemoteOptions,
  entries: readonly StatementEntry[] | null,
): Promise<WorkloadCheck> {
  const call = await findMigrateFunction(stackName, 'ask', namespace);
  return entries === null ? checkGuaranteedWorkload(call) : checkEntries(call, entries);
}

async function checkGuaranteedWorkload(call: CallFunction): Promise<WorkloadCheck> {
  for (;;) {
    const parts: WorkloadCheckResult[] = [];
    let from: number | null = 0;
    while (from !== null) {
      const part: WorkloadCheckResult = await requestWorkloadCheck(call, {
        action: 'check-workload',
        statements: null,
        from,
      });
      // A deployment changed the workload in between, so the reading starts again.
      if (parts.length > 0 && part.part?.hash !== parts[0]!.part?.hash) break;
      parts.push(part);
      from = part.part?.next ?? null;
    }
    if (from !== null) continue;
    return mergeParts(groupByText(parts.flatMap(({ part }) => part?.statements ?? [])), parts);
  }
}

async function checkEntries(call: CallFunction, entries: readonly StatementEntry[]): Promise<WorkloadCheck> {
  const questions = listStatementUses(entries);
  const statements = questions.map(({ text, role, searchPath, sender: { calls } }) => ({
    text,
    role,
    searchPath,
    calls,
  }));
  const parts: WorkloadCheckResult[] = [];
  for (const part of splitIntoParts(statements))
    parts.push(await requestWorkloadCheck(call, { action: 'check-workload', statements: part, from: 0 }));
  return mergeParts(questions, parts);
}

async function requestWorkloadCheck(
  call: CallFunction,
  request: MigrateRequest & { readonly action: 'check-workload' },
): Promise<WorkloadCheckResult> {
  const response = await call(request);
  if (response.action === 'check-workload') return response.result;
  throw new Error(`the function answered ${response.action} to check-workload`);
}

export function splitIntoParts(statements: readonly WorkloadStatement[]): WorkloadStatement[][] {
  const parts: WorkloadStatement[][] = [];
  let characters = 0;
  for (const each of statements) {
    const last = parts.at(-1);
    if (
      last === undefined ||
      last.length === PART_LIMITS.statements ||
      characters + each.text.length > PART_LIMITS.characters
    ) {
      parts.push([each]);
      characters = 0;
    } else last.push(each);
    characters += each.text.length;
  }
  return parts;
}

/** Converts a guaranteed workload, which lists each statement once per sender. */
function groupByText(statements: readonly WorkloadStatement[]): EntryStatementUse[] {
  const entries = new Map<string, StatementEntry & { senders: Sender[] }>();
  return statements.map(({ text, role, searchPath, calls }) => {
    const entry = entries.get(text) ?? { text, senders: [] };
    const sender = { role, searchPath, calls };
    entry.senders.push(sender);
    entries.set(text, entry);
    return { text, role, searchPath, entry, sender };
  });
}

function mergeParts(
  questions: readonly EntryStatementUse[],
  parts: readonly WorkloadCheckResult[],
): WorkloadCheck {
  const verdicts = parts.flatMap((part) => part.verdicts);
  const causes = new Map<string, Pick<BrokenWorkloadStatement, 'cause' | 'repair'>>();
  let before = 0;
  for (const part of parts) {
    for (const { at, cause, repair } of part.causes) {
      const { text } = questions[before + at]!;
      if (!causes.has(text)) causes.set(text, { cause, repair });
    }
    before += part.verdicts.length;
  }
  const workloadCheck = buildWorkloadCheck(questions, verdicts);
  return {
    ...workloadCheck,
    broken: workloadCheck.broken.map((each) => ({ ...each, ...causes.get(each.text) })),
  };
}
