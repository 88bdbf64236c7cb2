package wastore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.mau.fi/util/dbutil"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	_ "modernc.org/sqlite"

	"pombal/internal/wastore"
)

var (
	errRefGone       = errors.New("reference: no device")
	errRefConstraint = errors.New("reference: constraint failed")
	errOfFn          = errors.New("fn fails")
)

// nobody is a device that never exists: what a deleted one should look like.
var nobody = types.JID{User: "nobody", Device: 1, Server: "gone"}

// reference is the engine's own store on SQLite, corrected where ours differs
// on purpose. It is used by one goroutine.
type reference struct {
	db    *dbutil.Database
	c     *sqlstore.Container
	now   func() time.Time
	allow *allowance
	depth int // of transactions
	slots [oracleDevices]refSlot
	lids  bool // a transaction changed the LID map
}

type refSlot struct {
	jid        types.JID
	cur, stale *refStore
	device     *wmstore.Device
}

// shadowSchema keeps what the reference does not: the highest pre-key id ever
// given out and the month of a secret.
const shadowSchema = `
	CREATE TABLE oracle_high (jid TEXT PRIMARY KEY REFERENCES whatsmeow_device(jid) ON DELETE CASCADE, last INTEGER NOT NULL);
	ALTER TABLE whatsmeow_message_secrets ADD COLUMN oracle_month TEXT NOT NULL DEFAULT '';
`

func openReference(dir string, now func() time.Time, allow *allowance) (*reference, error) {
	raw, err := openSQLite(filepath.Join(dir, "reference.db"))
	if err != nil {
		return nil, err
	}
	db, err := dbutil.NewWithDB(raw, "sqlite")
	if err != nil {
		return nil, err
	}
	r := &reference{db: db, now: now, allow: allow}
	c := sqlstore.NewWithDB(raw, "sqlite", nil)
	if err := c.Upgrade(ctx); err != nil {
		return nil, err
	}
	if _, err := raw.ExecContext(ctx, shadowSchema); err != nil {
		return nil, err
	}
	r.restart()
	return r, nil
}

func openSQLite(path string) (*sql.DB, error) {
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=foreign_keys(1)&_pragma=synchronous(0)"+
		"&_pragma=journal_mode(memory)&_pragma=busy_timeout(5000)&_pragma=temp_store(2)")
	if err != nil {
		return nil, err
	}
	raw.SetMaxOpenConns(1)
	return raw, nil
}

// restart makes all caches cold.
func (r *reference) restart() { r.c = sqlstore.NewWithWrappedDB(r.db, nil) }

func (r *reference) close() error { return r.db.Close() }

func (r *reference) exec(ctx context.Context, query string, args ...any) error {
	_, err := r.db.Exec(ctx, query, args...)
	return err
}

func (r *reference) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = r.db.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

// together runs fn in ctx's transaction or in one of its own.
func (r *reference) together(ctx context.Context, fn func(context.Context) error) error {
	return r.db.DoTxn(ctx, nil, fn)
}

// whole takes back what a failing call left in the transaction it joined.
func (r *reference) whole(ctx context.Context, fn func() error) error {
	if r.depth == 0 || ctx.Err() != nil {
		return fn()
	}
	before, err := r.number(ctx, "SELECT total_changes()")
	if err := errors.Join(err, r.exec(ctx, "SAVEPOINT oracle")); err != nil {
		return err
	}
	own := fn()
	if own != nil {
		if after, err := r.number(ctx, "SELECT total_changes()"); err == nil && after > before {
			r.allow.hit("half a call")
		}
		if err := r.exec(ctx, "ROLLBACK TO oracle"); err != nil {
			return err
		}
	}
	return errors.Join(own, r.exec(ctx, "RELEASE oracle"))
}

func (r *reference) party(dev int, stale bool) *refStore {
	if slot := &r.slots[dev]; stale && slot.stale != nil {
		r.allow.hit("stale device")
		return slot.stale
	}
	return r.slots[dev].cur
}

func (r *reference) txn(ctx context.Context, dev int, stale bool, end string, fn func(context.Context) error) error {
	marks := map[*refStore]map[string]types.JID{}
	for i := range r.slots {
		for _, s := range []*refStore{r.slots[i].cur, r.slots[i].stale} {
			if s != nil {
				marks[s] = maps.Clone(s.migrated)
			}
		}
	}
	r.depth++
	err := r.party(dev, stale).DoDecryptionTxn(ctx, fn)
	r.depth--
	if end == "panic" {
		r.allow.hit("panic in fn")
	}
	if r.depth > 0 {
		return err
	}
	if err != nil {
		for s, before := range marks {
			s.forget(before)
		}
		r.forgetLIDs()
	}
	r.lids = false
	for s := range marks {
		clear(s.touched)
		clear(s.pending)
	}
	return err
}

// forgetLIDs drops what a rolled-back transaction left in the LID cache.
func (r *reference) forgetLIDs() {
	if !r.lids {
		return
	}
	old := r.c.LIDMap
	r.c.LIDMap = sqlstore.NewCachedLIDMap(r.db)
	for _, user := range []string{"777", "7771", "77", "axb", "L1", "L2", "a_b"} {
		was, err1 := old.GetLIDForPN(ctx, pnJID(user))
		is, err2 := r.c.LIDMap.GetLIDForPN(ctx, pnJID(user))
		if err1 == nil && err2 == nil && was != is {
			r.allow.hit("lid rollback")
			break
		}
	}
}

// oldest are the first day or month that the sweeper keeps.
func (r *reference) oldest() (buffer, outgoing, secret string) {
	now := r.now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return now.AddDate(0, 0, -14).Format("20060102"), now.AddDate(0, 0, -7).Format("20060102"),
		month.AddDate(0, -12, 0).Format("200601")
}

func (r *reference) sweep() error {
	buffer, outgoing, secret := r.oldest()
	for _, t := range []struct {
		table, column, keep, name string
		days                      int
	}{
		{"whatsmeow_event_buffer", "insert_timestamp", buffer, "buffer by day", 14},
		{"whatsmeow_retry_buffer", "timestamp", outgoing, "outgoing by day", 7},
	} {
		byDay := fmt.Sprintf("(strftime('%%Y%%m%%d', %s/1000, 'unixepoch') < '%s')", t.column, t.keep)
		byAge := fmt.Sprintf("(%s < %d)", t.column, r.now().AddDate(0, 0, -t.days).UnixMilli())
		differ, err := r.number(ctx, fmt.Sprintf("SELECT count(*) FROM %s WHERE %s <> %s", t.table, byDay, byAge))
		if err != nil {
			return err
		}
		if differ > 0 {
			r.allow.hit(t.name)
		}
		if err := r.exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s", t.table, byDay)); err != nil {
			return err
		}
	}
	res, err := r.db.Exec(ctx, "DELETE FROM whatsmeow_message_secrets WHERE oracle_month < $1", secret)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err == nil && n > 0 {
		r.allow.hit("secret retention")
	}
	return nil
}

// dumpQueries show every table in the form of Container.Dump; the first
// column is the bucket.
var dumpQueries = []string{
	`SELECT 'wa.sess', our_jid, their_id, session FROM whatsmeow_sessions`,
	`SELECT 'wa.ident', our_jid, their_id, identity FROM whatsmeow_identity_keys`,
	`SELECT 'wa.nct', our_jid, '', salt FROM whatsmeow_nct_salt`,
	`SELECT 'wa.skey', our_jid, sender_id, chat_id, sender_key FROM whatsmeow_sender_keys`,
	`SELECT 'wa.pkey', jid, key_id, CASE uploaded WHEN 0 THEN 'false' ELSE 'true' END FROM whatsmeow_pre_keys`,
	`SELECT 'wa.akey', jid, key_id, timestamp, key_data, fingerprint FROM whatsmeow_app_state_sync_keys`,
	`SELECT 'wa.aver', jid, name, version, hash FROM whatsmeow_app_state_version`,
	`SELECT 'wa.amac', jid, name, index_mac, version, value_mac FROM whatsmeow_app_state_mutation_macs`,
	`SELECT 'wa.cont', our_jid, their_jid, COALESCE(first_name,''), COALESCE(full_name,''), COALESCE(push_name,''),
		COALESCE(business_name,''), COALESCE(redacted_phone,'') FROM whatsmeow_contacts`,
	`SELECT 'wa.chat', our_jid, chat_jid, muted_until, CASE pinned WHEN 0 THEN 'false' ELSE 'true' END,
		CASE archived WHEN 0 THEN 'false' ELSE 'true' END FROM whatsmeow_chat_settings`,
	`SELECT 'wa.ptok', our_jid, their_jid, timestamp, token, COALESCE(sender_timestamp, 0) FROM whatsmeow_privacy_tokens`,
	`SELECT 'wa.evb', our_jid, ciphertext_hash, insert_timestamp, server_timestamp, plaintext FROM whatsmeow_event_buffer`,
	`SELECT 'wa.retry', our_jid, chat_jid, message_id, timestamp, format, plaintext FROM whatsmeow_retry_buffer`,
	`SELECT 'wa.sec', our_jid, oracle_month, chat_jid, message_id, sender_jid, key FROM whatsmeow_message_secrets`,
	`SELECT 'high', jid, last FROM oracle_high`,
	`SELECT 'lid', lid, pn FROM whatsmeow_lid_map`,
	`SELECT 'pn', pn, lid FROM whatsmeow_lid_map`,
	`SELECT 'memlid', lid, pn FROM whatsmeow_lid_map`,
	`SELECT 'mempn', pn, lid FROM whatsmeow_lid_map`,
	`SELECT 'dev', jid, registration_id, noise_key, identity_key, signed_pre_key,
		signed_pre_key_id, signed_pre_key_sig, adv_key, adv_details, adv_account_sig,
		adv_account_sig_key, adv_device_sig, replace(COALESCE(facebook_uuid,'00000000-0000-0000-0000-000000000000'),'-',''), COALESCE(lid,''), platform, business_name,
		push_name, lid_migration_ts, companion_meta_nonce FROM whatsmeow_device`,
}

func (r *reference) dump() ([]string, error) {
	var lines []string
	for _, query := range dumpQueries {
		rows, err := r.db.Query(ctx, query)
		if err != nil {
			return nil, err
		}
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			line, err := scanLine(rows, len(columns))
			if err != nil {
				return nil, err
			}
			lines = append(lines, line)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	slices.Sort(lines)
	return lines, nil
}

func scanLine(rows dbutil.Rows, columns int) (string, error) {
	cells, places := make([]any, columns), make([]any, columns)
	for i := range cells {
		places[i] = &cells[i]
	}
	if err := rows.Scan(places...); err != nil {
		return "", err
	}
	parts := make([]string, columns)
	for i, cell := range cells {
		switch cell := cell.(type) {
		case nil:
			parts[i] = wastore.Show(nil)
		case []byte:
			parts[i] = wastore.Show(cell)
		default:
			parts[i] = fmt.Sprint(cell)
		}
	}
	return strings.Join(parts, "|"), nil
}
