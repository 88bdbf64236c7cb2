const crypto = require('node:crypto');

function genuine(secret, headers, body) { // body: a Buffer, as it came
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const stamp = headers['webhook-timestamp'];
  const good = Buffer.from('v1,' + crypto.createHmac('sha256', key)
    .update(`${headers['webhook-id']}.${stamp}.`).update(body).digest('base64'));
  const fresh = Math.abs(Date.now() / 1000 - Number(stamp)) < 300;
  return fresh && headers['webhook-signature'].split(' ').some(s =>
    s.length === good.length && crypto.timingSafeEqual(good, Buffer.from(s)));
}
