<?php
function genuine(string $secret, array $headers, string $body): bool {
    $key = base64_decode(substr($secret, strlen('whsec_')));
    $stamp = $headers['webhook-timestamp'];
    $text = $headers['webhook-id'] . '.' . $stamp . '.' . $body;
    $good = 'v1,' . base64_encode(hash_hmac('sha256', $text, $key, true));
    if (abs(time() - (int) $stamp) >= 300) return false;
    foreach (explode(' ', $headers['webhook-signature']) as $s) {
        if (hash_equals($good, $s)) return true;
    }
    return false;
}
