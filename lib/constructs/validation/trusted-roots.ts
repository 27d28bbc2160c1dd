import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describeFault, type PropCheck } from './prop-checks';
import { text } from './values';

const pemPathCheck = text({ must: 'must be the path of a PEM file with certificates', known: true });

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Checks a file of certificates. It becomes part of the function's code, so it must not contain a private key. */
export const trustedRootsCheck: PropCheck = (value, name) => {
  // The value is the certificates themselves instead of the path of their file.
  if (typeof value === 'string' && value.includes('-----BEGIN')) {
    return `${name} holds a PEM text; it must be the path of the file`;
  }
  return pemPathCheck(value, name) ?? findFileProblem(value as string, name);
};

function findFileProblem(file: string, name: string): string | undefined {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    return describeFault(
      name,
      file,
      `must be a file that can be read (${(error as NodeJS.ErrnoException).code})`,
    );
  }
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    return describeFault(
      name,
      file,
      'must contain only certificates, because it becomes part of the function; it contains a private key',
    );
  }
  const certificates = pem.match(CERTIFICATE) ?? [];
  if (certificates.length === 0)
    return describeFault(name, file, 'must hold certificates (-----BEGIN CERTIFICATE-----), and has none');
  const broken = certificates.findIndex((each) => !isCertificate(each));
  return broken < 0
    ? undefined
    : describeFault(name, file, `must hold certificates, and number ${broken + 1} is none that can be read`);
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
