/** Asks from inside, under the role that it is given, and answers what it saw. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { makePageOutbound } from '../../../lambda/page/page-outbound';

export type Question =
  | { readonly ask: 'alarms'; readonly names: readonly string[] }
  | { readonly ask: 'roots' };

export type Answer =
  | { readonly alarms: number }
  | { readonly roots: readonly string[] }
  | { readonly refused: string };

/** Amazon's roots in Lambda's managed runtime. */
const ROOTS = '/var/runtime/ca-cert.pem';

export async function handler(question: Question): Promise<Answer> {
  try {
    if (question.ask === 'alarms') {
      const alarms = await makePageOutbound().alarms(question.names);
      return { alarms: alarms.filter(({ state }) => state === 'ALARM').length };
    }
    const certificates = readFileSync(ROOTS, 'utf8').match(
      /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
    );
    return { roots: (certificates ?? []).map((pem) => commonName(new X509Certificate(pem))) };
  } catch (error) {
    return { refused: (error as Error).name };
  }
}

const commonName = ({ subject }: X509Certificate): string => /^CN=(.*)$/m.exec(subject)?.[1] ?? subject;
