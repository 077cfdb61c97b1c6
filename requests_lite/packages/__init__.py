"""What requests_lite carries with it: poster, the multipart encoder and streaming opener."""
