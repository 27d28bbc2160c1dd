/** A certificate authority of our own and a certificate for 127.0.0.1: what the RDS roots are for a real endpoint. */
export interface Certificates {
  /** PEM of the authority, which clients trust. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** @param expired the server's certificate ended yesterday */
export async function makeCertificates(options: { readonly expired?: boolean } = {}): Promise<Certificates> {
  // Loaded only where it is needed: it costs every other command a tenth of a second.
  const { generate } = await import('selfsigned');
  const day = 24 * 3600 * 1000;
  const authority = await generate([{ name: 'commonName', value: 'Trueup local authority' }], {
    keySize: 2048,
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - 2 * day),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keySize: 2048,
    algorithm: 'sha256',
    ca: { key: authority.private, cert: authority.cert },
    notBeforeDate: new Date(Date.now() - 2 * day),
    notAfterDate: new Date(Date.now() + (options.expired ? -1 : 30) * day),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: '127.0.0.1' },
          { type: 2, value: 'localhost' },
        ],
      },
    ],
  });
  return { ca: authority.cert, cert: server.cert, key: server.private };
}
