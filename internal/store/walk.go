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

// span is where the keys of a page must lie: from low on, and before high
// where high is not nil.
type span struct{ low, high []byte }

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
	return w.follow(meta.root, 0, span{})
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
func (w *walker) follow(number uint64, depth int, keys span) error {
	if depth > maxDepth {
		return errTooDeep
	}
	page, err := w.read(number)
	if err != nil {
		return fmt.Errorf("page %d: %w", number, err)
	}
	switch u16(page[8:]) {
	case branchPage:
		return w.branch(page, depth, keys)
	case leafPage:
		return w.leaf(page, depth, keys)
	default:
		return fmt.Errorf("page %d: unknown type of page", number)
	}
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
	count := uint64(u32(page[12:])) + 1
	if u64(page) != number || count > w.pages-number {
		return nil, errors.New("its header is damaged")
	}
	for i := number; i < number+count; i++ {
		if w.seen[i] {
			return nil, fmt.Errorf("%d is used twice", i)
		}
		w.seen[i] = true
	}
	if count > 1 {
		page = make([]byte, int64(count)*w.pageSize)
		if _, err := w.file.ReadAt(page, int64(number)*w.pageSize); err != nil {
			return nil, err
		}
	}
	return page, nil
}

func (w *walker) branch(page []byte, depth int, keys span) error {
	list, err := keysOf(page, 0, keys)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("page %d: a branch without leaves", u64(page))
	}
	for i, key := range list {
		below := span{low: key, high: keys.high}
		if i+1 < len(list) {
			below.high = list[i+1]
		}
		if err := w.follow(u64(page[pageHeader+i*elementSize+8:]), depth+1, below); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) leaf(page []byte, depth int, keys span) error {
	list, err := keysOf(page, 4, keys)
	if err != nil {
		return err
	}
	for i := range list {
		e := page[pageHeader+i*elementSize:]
		flags, start, keySize, valueSize := u32(e), u32(e[4:]), u32(e[8:]), u32(e[12:])
		value, err := slice(page, i, uint64(start)+uint64(keySize), valueSize)
		if err != nil {
			return err
		}
		if flags == bucketElement {
			err = w.bucket(value, depth)
		} else if flags != 0 {
			err = fmt.Errorf("page %d: unknown sort of value", u64(page))
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
		return w.follow(root, depth+1, span{})
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || u16(inline[8:]) != leafPage {
		return errors.New("a bucket is damaged")
	}
	if depth > maxDepth {
		return errTooDeep
	}
	return w.leaf(inline, depth+1, span{})
}

// keysOf gives the keys of a page, which must be in order. In each element the
// place and the size of the key are at the offset.
func keysOf(page []byte, offset int, keys span) ([][]byte, error) {
	count := int(u16(page[10:]))
	if pageHeader+count*elementSize > len(page) {
		return nil, fmt.Errorf("page %d says to hold more than it can", u64(page))
	}
	list := make([][]byte, count)
	for i := range list {
		e := page[pageHeader+i*elementSize+offset:]
		key, err := slice(page, i, uint64(u32(e)), u32(e[4:]))
		if err != nil {
			return nil, err
		}
		tooLow := i == 0 && bytes.Compare(key, keys.low) < 0 || i > 0 && bytes.Compare(key, list[i-1]) <= 0
		if tooLow || keys.high != nil && bytes.Compare(key, keys.high) >= 0 {
			return nil, fmt.Errorf("page %d: keys are out of order", u64(page))
		}
		list[i] = key
	}
	return list, nil
}

// slice gives bytes that the i-th element of a page points to, counted from
// the element's own place.
func slice(page []byte, i int, offset uint64, size uint32) ([]byte, error) {
	start := uint64(pageHeader+i*elementSize) + offset
	if end := start + uint64(size); end <= uint64(len(page)) {
		return page[start:end], nil
	}
	return nil, fmt.Errorf("page %d: an element points outside", u64(page))
}

func u16(b []byte) uint16 { return binary.NativeEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }
