import { lostKind } from '../../lost';

export const schemaLost = lostKind('schema-lost', {
  title: 'A schema of the source is missing',
  impact: 'Every statement that uses its tables or functions fails.',
  origin:
    'Movers take the schemas that they are told to take. Those of extensions and of services (auth, storage) are often left behind on purpose.',
  remedy:
    'Decide whether the application uses it. If it does, move it as well; if not, accept the finding with the reason.',
});
