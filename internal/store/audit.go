package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"pombal/internal/audit"
)

var _ audit.Store = (*DB)(nil)

// auditRow is an entry with its place in a chain of hashes: whoever alters or
// takes out a row breaks the chain there. It shows careless tampering; who
// owns the file can compute a new chain.
type auditRow struct {
	Previous string          `json:"previous"` // Sum of the row before; empty in the first
	Sum      string          `json:"sum"`      // hex SHA-256 of Previous and Entry
	Entry    json.RawMessage `json:"entry"`
}

func (r auditRow) sum() string {
	h := sha256.Sum256(append([]byte(r.Previous+"\n"), r.Entry...))
	return hex.EncodeToString(h[:])
}

// AppendAudit appends an entry and gives it the next id.
func (db *DB) AppendAudit(ctx context.Context, e audit.Entry) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketAudit)
		b.FillPercent = fillAppended
		row := auditRow{}
		if _, raw := b.Cursor().Last(); raw != nil {
			last, err := decode[auditRow](raw)
			if err != nil {
				return err
			}
			row.Previous = last.Sum
		}
		id, err := b.NextSequence()
		if err != nil {
			return err
		}
		e.ID = id
		if row.Entry, err = json.Marshal(e); err != nil {
			return fmt.Errorf("encode audit entry: %w", err)
		}
		row.Sum = row.sum()
		return save(b, binary.BigEndian.AppendUint64(nil, id), row)
	})
}

// AuditEntries lists the newest entries first, at most limit.
func (db *DB) AuditEntries(ctx context.Context, limit int) ([]audit.Entry, error) {
	var rows []auditRow
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		rows, err = newest[auditRow](tx.Bucket(bucketAudit), nil, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := make([]audit.Entry, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal(row.Entry, &list[i]); err != nil {
			return nil, fmt.Errorf("decode audit entry: %w", err)
		}
	}
	return list, nil
}

// VerifyAudit walks the chain of the audit log and returns the id of the first
// row that was altered or whose predecessor is missing; 0 when all is well.
func (db *DB) VerifyAudit(ctx context.Context) (uint64, error) {
	var broken uint64
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		previous := ""
		c := tx.Bucket(bucketAudit).Cursor()
		for k, raw := c.First(); k != nil; k, raw = c.Next() {
			row, err := decode[auditRow](raw)
			// The first row may continue a chain whose start has been swept.
			if err != nil || row.Sum != row.sum() || previous != "" && row.Previous != previous {
				broken = binary.BigEndian.Uint64(k)
				return nil
			}
			previous = row.Sum
		}
		return nil
	})
	return broken, err
}
