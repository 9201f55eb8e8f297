/*
 * What the file system holds, twice: as programs see it now, and as it would be found after a power cut. Between the two lie the operations
 * that no fsync has made durable yet. All of it is in memory, so a plant's data directory costs the machine's own disk nothing.
 *
 * The model is POSIX at its word: fsync of a file makes its content and length durable, not its name; a name is durable after an fsync of
 * its directory. What is not durable may survive a cut or not, in any order, by sectors of 512 bytes.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#define SECTOR_BYTES 512
#define PAGE_BYTES 4096

struct blob {
  char *bytes;
  size_t size;
  size_t capacity;
};

/* A write or a truncation that is not durable. */
struct change {
  struct change *next;
  bool is_truncate;
  off_t offset; /* of a truncation: the new length */
  size_t length;
  char bytes[];
};

struct inode;

struct entry {
  char *name;
  struct inode *inode;
};

struct names {
  struct entry *entries;
  size_t count;
  size_t capacity;
};

struct inode {
  struct inode *next; /* of all */
  ino_t number;
  mode_t mode;
  int handles;
  int links; /* names that programs see */
  struct timespec modified;
  /* files */
  struct blob now;
  struct blob durable;
  struct change *first_change, *last_change;
  struct change *lost; /* dropped by a failed fsync: seen until the page cache lets go */
  /* directories */
  struct names names_now;
  struct names names_durable;
};

/* What a cut did, for the log. */
struct cut_report {
  size_t changes, sectors_lost, names_lost;
};

extern struct inode *root;

uint64_t random_next(uint64_t *state);

void image_init(void);
struct inode *image_find(const char *path);
/* The directory of a path, and the last part of it; NULL if there is none. */
struct inode *image_parent(const char *path, const char **name);
struct inode *image_create(const char *path, mode_t mode);
void image_unlink(const char *path);
void image_rename(const char *from, const char *to);
void image_release(struct inode *inode);

void image_write(struct inode *inode, const char *bytes, size_t length, off_t offset);
void image_truncate(struct inode *inode, off_t size);
/* fsync: what was changed is durable. */
void image_sync(struct inode *inode);
/* A failed fsync as Linux has it: what was changed never becomes durable, and the next fsync says that all is well. */
void image_sync_failed(struct inode *inode);
/* The page cache lets go of what a failed fsync had dropped: reads give the old bytes, for each page or not. */
size_t image_evict(uint64_t seed);
/* The power is cut: all that is left is the durable image, and what of the rest chance has written. */
struct cut_report image_cut(uint64_t seed);
/* Flip bits of files below a path, in both images. Returns how many. */
size_t image_rot(uint64_t seed, size_t flips, const char *below);
/* Bytes that files take, in whole pages. */
uint64_t image_used(void);
