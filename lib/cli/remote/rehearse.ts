/** The workload is planned by the deployed function of a stack, part after part: an invocation takes and answers 6 MB. */
import type { MigrateRequest } from '../../../lambda/contract/migrate';
import type { PromisedStatement, Rehearsed } from '../../../lambda/contract/workload';
import {
  type Broken,
  type Entry,
  type Question,
  questionsOf,
  type Rehearsal,
  rehearsalOf,
} from '../../workload/rehearsal';
import type { Sender } from '../../workload/workload';
import { type CallFunction, migrateFunction } from './migrate-function';
import type { RemoteOptions } from './remote';

/** Of one invocation: with its verdicts each statement comes back. */
const PART = { statements: 1_000, characters: 1_000_000 };

/**
 * @param entries what is planned; null: what the running application promises, as the ledger keeps it
 * @throws {TrueupError} when the function does not answer
 */
export async function rehearseRemotely(
  { stackName, namespace }: RemoteOptions,
  entries: readonly Entry[] | null,
): Promise<Rehearsal> {
  const call = await migrateFunction(stackName, 'ask', namespace);
  return entries === null ? ofPromise(call) : given(call, entries);
}

async function ofPromise(call: CallFunction): Promise<Rehearsal> {
  for (;;) {
    const parts: Rehearsed[] = [];
    let from: number | null = 0;
    while (from !== null) {
      const part: Rehearsed = await ask(call, { action: 'rehearse', statements: null, from });
      // A deployment has come in between: from the beginning.
      if (parts.length > 0 && part.promised?.hash !== parts[0]!.promised?.hash) break;
      parts.push(part);
      from = part.promised?.next ?? null;
    }
    if (from !== null) continue;
    return together(questionsIn(parts.flatMap(({ promised }) => promised?.statements ?? [])), parts);
  }
}

async function given(call: CallFunction, entries: readonly Entry[]): Promise<Rehearsal> {
  const questions = questionsOf(entries);
  const statements = questions.map(({ text, role, searchPath, sender: { calls } }) => ({
    text,
    role,
    searchPath,
    calls,
  }));
  const parts: Rehearsed[] = [];
  for (const part of partsOf(statements))
    parts.push(await ask(call, { action: 'rehearse', statements: part, from: 0 }));
  return together(questions, parts);
}

async function ask(
  call: CallFunction,
  request: MigrateRequest & { readonly action: 'rehearse' },
): Promise<Rehearsed> {
  const response = await call(request);
  if (response.action === 'rehearse') return response.rehearsed;
  throw new Error(`the function answered ${response.action} to rehearse`);
}

export function partsOf(statements: readonly PromisedStatement[]): PromisedStatement[][] {
  const parts: PromisedStatement[][] = [];
  let characters = 0;
  for (const each of statements) {
    const last = parts.at(-1);
    if (
      last === undefined ||
      last.length === PART.statements ||
      characters + each.text.length > PART.characters
    ) {
      parts.push([each]);
      characters = 0;
    } else last.push(each);
    characters += each.text.length;
  }
  return parts;
}

/** A promise has each statement once for each of its senders. */
function questionsIn(statements: readonly PromisedStatement[]): Question[] {
  const entries = new Map<string, Entry & { senders: Sender[] }>();
  return statements.map(({ text, role, searchPath, calls }) => {
    const entry = entries.get(text) ?? { text, senders: [] };
    const sender = { role, searchPath, calls };
    entry.senders.push(sender);
    entries.set(text, entry);
    return { text, role, searchPath, entry, sender };
  });
}

function together(questions: readonly Question[], parts: readonly Rehearsed[]): Rehearsal {
  const verdicts = parts.flatMap((part) => part.verdicts);
  const causes = new Map<string, Pick<Broken, 'cause' | 'repair'>>();
  let before = 0;
  for (const part of parts) {
    for (const { at, cause, repair } of part.causes) {
      const { text } = questions[before + at]!;
      if (!causes.has(text)) causes.set(text, { cause, repair });
    }
    before += part.verdicts.length;
  }
  const rehearsal = rehearsalOf(questions, verdicts);
  return { ...rehearsal, broken: rehearsal.broken.map((each) => ({ ...each, ...causes.get(each.text) })) };
}
