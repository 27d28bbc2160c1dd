/** 42883: a function that makes UUIDs is absent, or out of the caller's sight. */
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
      cause: [`${visible.signature} exists, and the search path that ${question.user} begins with finds it.`],
      unseen: [
        'The catalogue keeps no times: whether the function is newer than the error, or a session had set another search path, is not seen.',
      ],
      repair: repairBy(
        'Nothing in the schema, as the catalogue has it now. If the errors go on, look at the search path that the application sets, and at the arguments.',
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
              ? `The server does not offer the extension ${extension}, which would bring it.`
              : `The extension ${extension}, which brings it, is ${facts.schema === null ? 'offered by the server but not made in this database' : `made, in the schema ${facts.schema}, without it`}.`,
          ]),
    ],
  };
}
