import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Check, fault } from './check';
import { text } from './values';

const path = text({ must: 'must be the path of a PEM file with certificates', known: true });

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A file of certificates. It goes into the function's code, so it must hold no private key. */
export const trustedRoots: Check = (value, name) => {
  // The certificates themselves in place of their file's path.
  if (typeof value === 'string' && value.includes('-----BEGIN')) {
    return `${name} holds a PEM text; it must be the path of the file`;
  }
  return path(value, name) ?? wrongFile(value as string, name);
};

function wrongFile(file: string, name: string): string | undefined {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    return fault(name, file, `must be a file that can be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    return fault(
      name,
      file,
      'must hold certificates alone: it goes into the function, and there is a private key in it',
    );
  }
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length === 0)
    return fault(name, file, 'must hold certificates (-----BEGIN CERTIFICATE-----), and has none');
  const broken = certificates.findIndex((each) => !isCertificate(each));
  return broken < 0
    ? undefined
    : fault(name, file, `must hold certificates, and number ${broken + 1} is none that can be read`);
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
