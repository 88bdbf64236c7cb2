# Plays Pombal: sends your receiver a signed call.
SECRET='whsec_…'; URL='https://your.receiver.example/hook'
ID=msg_$(date +%s); STAMP=$(date +%s); BODY='{"event":"messages.upsert","data":{}}'
KEY=$(printf %s "${SECRET#whsec_}" | openssl base64 -d -A | od -An -tx1 | tr -d ' \n')
SIGNATURE=$(printf %s "$ID.$STAMP.$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | openssl base64 -A)
curl -i "$URL" -H 'Content-Type: application/json' -H "webhook-id: $ID" \
  -H "webhook-timestamp: $STAMP" -H "webhook-signature: v1,$SIGNATURE" --data-binary "$BODY"
