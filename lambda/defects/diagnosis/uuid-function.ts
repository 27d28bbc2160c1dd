/** 42883: a function that makes UUIDs is absent, or out of the caller's sight. */
import type { Database } from '../../postgres/database';
import { quoteIdentifier } from '../../postgres/quote';
import { type DiagnosisQuestion, NO_OBJECT } from '../defect';
import { extensionFacts, functionsNamed, searchPathOf } from '../facts';
import { EXTENSION_OF, missingUuidFunction } from '../missing-uuid-function';
import { matchMessage } from '../signatures';
import type { Found } from './finding';

export async function diagnoseUuidFunction(db: Database, question: DiagnosisQuestion): Promise<Found> {
  const name = matchMessage(question.message, null)?.names.function ?? null;
  const found = { kind: missingUuidFunction, object: NO_OBJECT, subject: name, unseen: [] };
  if (name === null)
    return { ...found, case: null, cause: [], unseen: ['The message does not name the function.'] };
  const [functions, path] = await Promise.all([functionsNamed(db, name), searchPathOf(db, question.user)]);
  const object = { ...NO_OBJECT, name };
  const visible = functions.find((each) => each.schema === 'pg_catalog' || path.includes(each.schema));
  if (visible !== undefined) {
    return {
      ...found,
      object,
      case: 'exists-now',
      cause: [
        `${visible.signature} exists and ${question.user} finds it: it was made after the error, or a session has set ` +
          'another search path, or the arguments do not fit.',
      ],
      repairWords:
        'Nothing, if the error has stopped. Otherwise look at the search path that the application sets.',
    };
  }
  if (functions[0] !== undefined) {
    return {
      ...found,
      object: { ...object, detail: quoteIdentifier(functions[0].schema) },
      case: 'other-schema',
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
