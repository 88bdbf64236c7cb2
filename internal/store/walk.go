package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The layout of bbolt's pages, version 2 of its format. Numbers are in the
// byte order of the machine. A page starts with its number (8 bytes), type
// (2), count of elements (2) and count of further pages it spans (4).
const (
	pageHeader    = 16
	elementSize   = 16
	bucketHeader  = 16 // root page (8), sequence (8); an inline page follows when the root is 0
	metaSize      = 64
	checkedMeta   = 56 // the bytes of a meta page that its checksum covers
	metaMagic     = 0xED0CDAED
	metaVersion   = 2
	branchPage    = 0x01
	leafPage      = 0x02
	metaPage      = 0x04
	bucketElement = 0x01
	// maxDepth is far more than a tree of 2⁶³ keys needs.
	maxDepth = 64
)

var (
	errNoMeta  = errors.New("no meta page is intact")
	errCutOff  = errors.New("the file has been cut off")
	errTooDeep = errors.New("pages form a loop")
)

// fileMeta is what a meta page says.
type fileMeta struct {
	pageSize uint32
	root     uint64
	pages    uint64 // how many pages are in use, from the start of the file
	txid     uint64
}

// walker follows the pages of a file that nobody writes to.
type walker struct {
	file     io.ReaderAt
	pageSize int64
	pages    uint64
	seen     []bool
}

// walkFile follows all pages in use and returns the first thing that is wrong
// with one. What lies in the values is not looked at.
func walkFile(f *os.File) error {
	meta, err := measure(f)
	if err != nil {
		return err
	}
	w := &walker{file: f, pageSize: int64(meta.pageSize), pages: meta.pages, seen: make([]bool, meta.pages)}
	return w.follow(meta.root, 0)
}

// newestMeta reads the meta page of the last commit. A commit that was torn
// spoils the checksum of one meta page at most, and the other one then holds
// the state before it. The fixed parts of both are always intact, so anything
// else there is damage, and going on could lose a commit without a word.
func newestMeta(file io.ReaderAt) (fileMeta, error) {
	first, firstIntact, err := readMeta(file, 0, 0)
	if err != nil {
		return fileMeta{}, err
	}
	second, secondIntact, err := readMeta(file, int64(first.pageSize), 1)
	if err != nil {
		return fileMeta{}, err
	}
	switch {
	case !firstIntact && !secondIntact:
		return fileMeta{}, errNoMeta
	case firstIntact && (!secondIntact || first.txid > second.txid):
		return first, nil
	default:
		return second, nil
	}
}

func readMeta(file io.ReaderAt, offset int64, number uint64) (meta fileMeta, intact bool, err error) {
	page := make([]byte, pageHeader+metaSize)
	if _, err := file.ReadAt(page, offset); err != nil {
		return meta, false, fmt.Errorf("meta page %d: %w", number, err)
	}
	raw := page[pageHeader:]
	meta = fileMeta{pageSize: u32(raw[8:]), root: u64(raw[16:]), pages: u64(raw[40:]), txid: u64(raw[48:])}
	validSize := meta.pageSize >= 1<<10 && meta.pageSize <= 1<<24 && meta.pageSize&(meta.pageSize-1) == 0
	if u64(page) != number || u16(page[8:]) != metaPage || u32(raw) != metaMagic || u32(raw[4:]) != metaVersion || !validSize {
		return meta, false, fmt.Errorf("meta page %d is damaged", number)
	}
	sum := fnv.New64a()
	if _, err := sum.Write(raw[:checkedMeta]); err != nil {
		return meta, false, err
	}
	return meta, sum.Sum64() == u64(raw[checkedMeta:]), nil
}

// follow checks a page and all pages below it.
func (w *walker) follow(number uint64, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	page, err := w.read(number)
	if err == nil {
		switch u16(page[8:]) {
		case branchPage:
			err = w.branch(page, depth)
		case leafPage:
			err = w.leaf(page, depth)
		default:
			err = errors.New("unknown type of page")
		}
	}
	if err != nil && depth == 0 || errors.Is(err, errTooDeep) {
		return err
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", number, err)
	}
	return nil
}

// read gives the bytes of a page and of those it spans. Each page may be
// reached once only.
func (w *walker) read(number uint64) ([]byte, error) {
	if number < 2 || number >= w.pages {
		return nil, fmt.Errorf("number %d is outside the file", number)
	}
	page := make([]byte, w.pageSize)
	if _, err := w.file.ReadAt(page, int64(number)*w.pageSize); err != nil {
		return nil, err
	}
	span := uint64(u32(page[12:])) + 1
	if u64(page) != number || span > w.pages-number {
		return nil, errors.New("its header is damaged")
	}
	for i := number; i < number+span; i++ {
		if w.seen[i] {
			return nil, fmt.Errorf("%d is used twice", i)
		}
		w.seen[i] = true
	}
	if span > 1 {
		page = make([]byte, int64(span)*w.pageSize)
		if _, err := w.file.ReadAt(page, int64(number)*w.pageSize); err != nil {
			return nil, err
		}
	}
	return page, nil
}

func (w *walker) branch(page []byte, depth int) error {
	count := int(u16(page[10:]))
	if count == 0 {
		return errors.New("a branch without leaves")
	}
	var previous []byte
	for i := range count {
		e, err := element(page, i)
		if err != nil {
			return err
		}
		key, err := slice(page, i, u32(e), u32(e[4:]))
		if err != nil {
			return err
		}
		if i > 0 && bytes.Compare(previous, key) >= 0 {
			return errors.New("keys are out of order")
		}
		previous = key
		if err := w.follow(u64(e[8:]), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) leaf(page []byte, depth int) error {
	var previous []byte
	for i := range int(u16(page[10:])) {
		e, err := element(page, i)
		if err != nil {
			return err
		}
		flags, start, keySize, valueSize := u32(e), u32(e[4:]), u32(e[8:]), u32(e[12:])
		key, err := slice(page, i, start, keySize)
		if err != nil {
			return err
		}
		value, err := slice(page, i, start+keySize, valueSize)
		if err != nil {
			return err
		}
		if i > 0 && bytes.Compare(previous, key) >= 0 {
			return errors.New("keys are out of order")
		}
		previous = key
		if flags == bucketElement {
			err = w.bucket(value, depth)
		} else if flags != 0 {
			err = errors.New("unknown sort of value")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a bucket by its value in the bucket above.
func (w *walker) bucket(value []byte, depth int) error {
	if len(value) < bucketHeader {
		return errors.New("a bucket is cut off")
	}
	if root := u64(value); root != 0 {
		return w.follow(root, depth+1)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || u16(inline[8:]) != leafPage {
		return errors.New("a bucket is damaged")
	}
	if depth > maxDepth {
		return errTooDeep
	}
	return w.leaf(inline, depth+1)
}

// element gives the description of the i-th element of a page.
func element(page []byte, i int) ([]byte, error) {
	start := pageHeader + i*elementSize
	if start+elementSize > len(page) {
		return nil, errors.New("it says to hold more than it can")
	}
	return page[start : start+elementSize], nil
}

// slice gives bytes that the i-th element of a page points to, counted from
// the element's own place.
func slice(page []byte, i int, offset, size uint32) ([]byte, error) {
	start := uint64(pageHeader+i*elementSize) + uint64(offset)
	if end := start + uint64(size); end <= uint64(len(page)) {
		return page[start:end], nil
	}
	return nil, errors.New("an element points outside")
}

func u16(b []byte) uint16 { return binary.NativeEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }
