import { makeLostKind } from '../../lost-kind';

export const missingSchema = makeLostKind('missing-schema', {
  title: 'A schema of the source is missing',
  impact: 'Every statement that uses its tables or functions fails.',
  origin:
    'Migration tools copy only the schemas in their configuration. Schemas of extensions and services (auth, storage) are often left out on purpose.',
  remedy:
    'Decide whether the application uses it. If it does, move it too; if not, suppress the finding with the reason.',
});
