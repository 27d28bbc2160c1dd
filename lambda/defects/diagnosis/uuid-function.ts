/** 42883: a function that generates UUIDs is absent, or out of the caller's sight. */
import type { DiagnosisQuestion } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { quoteIdentifier } from '../../sql/quote';
import { extensionFacts, functionsNamed, searchPathOf } from '../facts';
import { EXTENSION_OF, missingUuidFunction } from '../kinds/missing-uuid-function';
import { NO_OBJECT } from '../object';
import { matchMessage } from '../signatures';
import { type Found, repairBy } from './finding';

export async function diagnoseUuidFunction(db: Database, question: DiagnosisQuestion): Promise<Found> {
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
  const [functions, path] = await Promise.all([functionsNamed(db, name), searchPathOf(db, question.user)]);
  const object = { ...NO_OBJECT, name };
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
        'The catalogue keeps no timestamps, so it is not known whether the function is newer than the error, or ' +
          'whether a session had set another search path.',
      ],
      repair: repairBy(
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
  const extension = EXTENSION_OF(name);
  const facts = extension === null ? null : await extensionFacts(db, extension);
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
              : `The extension ${extension}, which provides it, is ${facts.schema === null ? 'available on the server but not created in this database' : `installed in the schema ${facts.schema}, but without it`}.`,
          ]),
    ],
  };
}
