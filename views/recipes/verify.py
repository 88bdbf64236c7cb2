import base64, hashlib, hmac, time

def genuine(secret, headers, body):  # body: the bytes as they came
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = headers["webhook-timestamp"]
    text = f"{headers['webhook-id']}.{stamp}.".encode() + body
    good = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(stamp)) < 300
    return fresh and any(hmac.compare_digest(good, s) for s in headers["webhook-signature"].split())
