package codechat

import (
	"strconv"

	"github.com/gofiber/fiber/v2"
)

// pageSize is how many records a page has (documented).
const pageSize = 50

// maxPage bounds the page number, so that no product overflows.
const maxPage = 1 << 20

// pageJSON is one page of a list.
type pageJSON[T any] struct {
	TotalRecords int `json:"totalRecords"`
	TotalPages   int `json:"totalPages"`
	CurrentPage  int `json:"currentPage"`
	Records      []T `json:"records"`
}

// pageOf gives a page of a list; a page after the last one is empty.
func pageOf[T any](all []T, page int) pageJSON[T] {
	first := min((page-1)*pageSize, len(all))
	records := all[first:min(first+pageSize, len(all))]
	if records == nil {
		records = []T{}
	}
	return pageJSON[T]{
		TotalRecords: len(all), TotalPages: (len(all) + pageSize - 1) / pageSize, CurrentPage: page, Records: records,
	}
}

// readPage reads page and sort off the query: 1 and desc when absent.
func readPage(c *fiber.Ctx) (page int, ascending bool, err error) {
	page = 1
	var faults []string
	if text := c.Query("page"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			faults = append(faults, "page must be an integer number from 1 to "+strconv.Itoa(maxPage))
		}
		page = n
	}
	switch c.Query("sort", "desc") {
	case "desc":
	case "asc":
		ascending = true
	default:
		faults = append(faults, "sort must be one of the following values: asc, desc")
	}
	if len(faults) > 0 {
		return 0, false, bad(faults...)
	}
	return page, ascending, nil
}
