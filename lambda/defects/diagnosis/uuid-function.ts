/** Diagnoses 42883 for a function that generates UUIDs: it does not exist, or it is not on the caller's search path. */
import type { DiagnosisRequest } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { quoteIdentifier, quoteIfNeeded } from '../../sql/quote';
import { readExtension, readFunctions, readPinnedCallers, readSearchPath } from '../function-facts';
import { findUuidExtension, missingUuidFunction } from '../kinds/missing-uuid-function';
import { NO_OBJECT } from '../object';
import { matchMessage } from '../signatures';
import { type DiagnosisFinding, makeManualDecision, makeRepair } from './finding';

export async function diagnoseUuidFunction(
  db: Database,
  question: DiagnosisRequest,
): Promise<DiagnosisFinding> {
  const name = matchMessage(question.message, null)?.names.function ?? null;
  const found = { kind: missingUuidFunction, object: NO_OBJECT, subject: name, unseen: [] };
  if (name === null)
    return {
      ...found,
      case: null,
      verdict: null,
      cause: [],
      unseen: ['The message does not name the function.'],
    };
  const [functions, path] = await Promise.all([readFunctions(db, name), readSearchPath(db, question.user)]);
  const object = { ...NO_OBJECT, name };
  const callers =
    functions.length === 0
      ? []
      : await readPinnedCallers(
          db,
          name,
          functions.map(({ schema }) => schema),
        );
  if (callers.length > 0)
    return {
      ...found,
      object,
      case: 'function-path',
      verdict: 'schema',
      cause: [
        `${functions.map((each) => each.signature).join(', ')} exists.`,
        ...callers.map(
          (each) =>
            `The function ${each.name} names ${name} and sets its own search path (${each.path === '""' || each.path === '' ? 'empty' : each.path}), so that of ${question.user} does not count in it.`,
        ),
      ],
      unseen: ['The log does not show whether the call was in such a function.'],
      repair: makeManualDecision(
        `In the body of ${callers.map((each) => each.name).join(', ')}, write the name with its schema: ${quoteIfNeeded(functions[0]!.schema)}.${quoteIfNeeded(name)}().`,
      ),
    };
  const visible = functions.find((each) => each.schema === 'pg_catalog' || path.includes(each.schema));
  if (visible !== undefined) {
    return {
      ...found,
      object,
      case: 'not-reproduced',
      verdict: 'not-reproduced',
      cause: [
        `${visible.signature} exists, and it is on the search path with which sessions of ${question.user} begin.`,
      ],
      unseen: [
        'The catalog keeps no timestamps, so it is not known whether the function is newer than the error, or ' +
          'whether a session had set another search path.',
      ],
      repair: makeRepair(
        'Nothing to repair in the schema as it is now. If the errors continue, check the search path that the ' +
          'application sets, and the arguments.',
      ),
    };
  }
  if (functions[0] !== undefined) {
    return {
      ...found,
      object: { ...object, detail: quoteIdentifier(functions[0].schema) },
      case: 'other-schema',
      verdict: 'schema',
      cause: [
        `${functions.map((each) => each.signature).join(', ')} exists, but its schema is not on the search path of ` +
          `${question.user} (${path.join(', ')}).`,
      ],
    };
  }
  const extension = findUuidExtension(name);
  const facts = extension === null ? null : await readExtension(db, extension);
  return {
    ...found,
    object,
    case: 'absent',
    verdict: 'schema',
    cause: [
      `There is no function ${name} in this database.`,
      ...(extension === null
        ? []
        : [
            facts === null
              ? `The server does not offer the extension ${extension}, which would provide it.`
              : `The extension ${extension}, which provides it, is ${facts.schema === null ? 'available on the server but not created in this database' : `installed in the schema ${facts.schema}, which does not contain it`}.`,
          ]),
    ],
  };
}
