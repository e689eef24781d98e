import test from 'ava'
import { readOffer } from '../../runtime/calls/offer.ts'

test('a form whose type is no header that may be sent is a bad request', async t => {
  const headers = new Map([['content-type', 'multipart/form-data; boundary=日本']])
  const request = {
    method: 'POST',
    path: '/v1/realtime/calls',
    id: '',
    query: new URLSearchParams(),
    headers,
    address: '127.0.0.1',
    body: Buffer.from('v=0\r\n'),
  }
  await t.throwsAsync(readOffer(request), { code: 'bad_request' })
})
